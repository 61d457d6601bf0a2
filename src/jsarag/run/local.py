"""The local paths of a run as its folder keeps them: they mean the same from every current folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from jsarag.data.formats import is_address
from jsarag.models.resolve import at, local
from jsarag.run.config import TrainConfig

Tree = TypeVar("Tree", bound=Any)


def kept(config: TrainConfig) -> TrainConfig:
    """``config`` for the run folder: local files, folders and models by absolute paths.

    What lies in the run folder itself is named from there, so that the folder can be moved.
    """
    run = Path(config.out).absolute()

    def path(given: Path) -> Path:
        place = given.absolute()
        return place.relative_to(run) if run in place.parents else place

    def model(name: str) -> str:
        if not local(name):
            return name
        place = path(at(name))
        return str(place) if place.is_absolute() else f"./{place}"

    return replace(_placed(config, path, model), out=run)


def found(config: TrainConfig, run: Path) -> TrainConfig:
    """A configuration that `kept` made, for its folder, which now lies at ``run``.

    What is no longer where it was is looked for where it lay from the folder: a run may be moved, or copied to another
    machine, together with its models and files. Earlier versions kept paths as they were typed: what is not in the run
    folder is left to the current folder.
    """
    there = Path(config.out)

    def path(given: Path) -> Path:
        within = run / given  # an absolute path stays
        if within.exists() or not (given.is_absolute() and there.is_absolute()):
            return within if within.exists() else given
        beside = Path(os.path.normpath(run.absolute() / os.path.relpath(given, there)))
        return beside if beside.exists() else given

    def model(name: str) -> str:
        if name.startswith("./"):
            return str(path(Path(name))) if (run / name).exists() else name
        return str(path(Path(name))) if Path(name).is_absolute() else name

    return replace(_placed(config, path, model), out=run)


def unplaced(config: TrainConfig) -> TrainConfig:
    """``config`` for other machines: of local files, folders and models the names alone."""
    return _placed(config, lambda given: Path(given.name), lambda name: at(name).name if local(name) else name)


def _placed(config: Tree, path: Callable[[Path], Path], model: Callable[[str], str]) -> Tree:
    """A tree of configurations with every path and every model's name replaced."""
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, Path):
            changed[field.name] = value if is_address(value) else path(value)
        elif dataclasses.is_dataclass(value):
            changed[field.name] = _placed(value, path, model)
        elif field.name == "model":
            changed[field.name] = model(value)
    placed: Tree = replace(config, **changed)
    return placed
