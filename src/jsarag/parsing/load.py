"""Training configurations read from YAML files and from run folders."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from jsarag.checksums import CONFIG, Fault, check_config, is_sealed
from jsarag.config import plain
from jsarag.decoding import DECODERS
from jsarag.parsing.choice import CHOICES, INDEX
from jsarag.parsing.settings import SettingsFile
from jsarag.parsing.train import train_config, train_parser
from jsarag.registry import Registry
from jsarag.run import DataConfig, TrainConfig
from jsarag.run.fingerprints import packages_of
from jsarag.run.local import found
from jsarag.types import InputError


def load_config(path: str | Path) -> TrainConfig:
    """Read a training configuration from YAML, with every default filled in.

    Raises:
        InputError: an unreadable file, an unknown option, or a value of the wrong type; the message names the line.
    """
    file = _of_today(SettingsFile.read(Path(path)))
    names = {}
    for choice in CHOICES:
        name = choice.named_in(file.values)
        if name is not None:
            choice.registry.named(name, choice.where(file))
            names[choice.group] = name
    parser = train_parser(names)
    return train_config(parser, parser.read([], [file]))


def _of_today(file: SettingsFile) -> SettingsFile:
    """What release 0.1 wrote, as it is written today."""
    index = file.values.get("index")
    if not isinstance(index, dict) or not {"kind", "recall", "uri", "collection", "path"} <= index.keys():
        return file
    # The settings of all kinds stood there, whatever the kind.
    kind = INDEX.registry.named(index["kind"], INDEX.where(file))
    own = {"kind", "path", *(field.name for field in dataclasses.fields(kind))}
    kept = {name: value for name, value in index.items() if name in own}
    return dataclasses.replace(file, values=file.values | {"index": kept})


def load_run(folder: Path) -> TrainConfig:
    """Read the configuration of the run in ``folder``, wherever the folder was when the run began.

    Raises:
        InputError: no run there, or a configuration that is damaged or cut short.
    """
    path = folder / CONFIG
    if not path.is_file():
        reason = f"no {CONFIG}" if folder.is_dir() else "no such folder"
        raise InputError(f"{folder}: not a run folder ({reason})")
    check_config(path)
    if not is_sealed(folder) and not _has_last(SettingsFile.read(path).values, plain(TrainConfig(DataConfig("", "")))):
        check_config(path, Fault(path, "cut short"))
    values = SettingsFile.read(path).values
    _check_parts(folder, values)
    config = found(load_config(path), folder)
    # A run of an earlier version has trained on all pairs, and goes on with them.
    earlier = "split" not in (values.get("data") or {})
    return dataclasses.replace(config, data=dataclasses.replace(config.data, split="none")) if earlier else config


def _check_parts(run: Path, values: dict[str, Any]) -> None:
    """Refuse a run with a part of a package that is not installed; the message names the package."""
    known: dict[str, Registry[Any]] = {choice.option: choice.registry for choice in CHOICES}
    known["evaluation.decoding.mode"] = DECODERS
    for option, package in packages_of(run).items():
        name: Any = values
        for key in option.split("."):
            name = name.get(key) if isinstance(name, dict) else None
        if option in known and isinstance(name, str):
            known[option].named(name, f"{run / CONFIG}: {option}", package)


def _has_last(held: Any, whole: Any) -> bool:
    """Whether the option that comes last in the whole configuration is there."""
    while isinstance(whole, dict):
        name = list(whole)[-1]
        if not isinstance(held, dict) or name not in held:
            return False
        held, whole = held[name], whole[name]
    return True
