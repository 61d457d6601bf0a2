"""Checkpoints: safetensors and JSON, no pickle; a kill at any moment leaves the previous one intact.

A run folder holds ``checkpoints/NAME-STEP/`` and, for NAME last and best, a pointer ``checkpoints/NAME.json`` that is
renamed into place after its folder is whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from jsarag.files import read_json, whole, write_json
from jsarag.models.checks import check_finite
from jsarag.training import weights
from jsarag.training.models import Parts
from jsarag.training.monitor import Window
from jsarag.training.optimisation import Optimisation
from jsarag.training.state import State
from jsarag.types import InputError


def save_models(run: Path, name: str, parts: Parts, step: int) -> None:
    """Write the trained weights as checkpoint ``name`` of the run."""
    with _checkpoint(run, name, step) as folder:
        weights.write(folder, parts)


def save_state(run: Path, parts: Parts, optimisation: Optimisation, state: State) -> None:
    """Write all that `load_state` needs to go on as if nothing had happened, as checkpoint ``last``."""
    with _checkpoint(run, "last", state.step) as folder:
        weights.write(folder, parts)
        optimizer = optimisation.optimizer.state_dict()
        tensors = {f"{i}.{key}": value for i, slot in optimizer["state"].items() for key, value in slot.items()}
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "optimizer.safetensors")
        save_file(optimisation.previous(), folder / "gradients.safetensors")
        rng = {"rng": state.rng.get_state(), "torch": torch.get_rng_state()}
        if state.rng.device.type == "cuda":
            rng["cuda"] = torch.cuda.get_rng_state(state.rng.device)
        save_file({"chains": state.chains, **rng}, folder / "sampler.safetensors")
        record = {
            "state": state.numbers(),
            "groups": optimizer["param_groups"],
        }
        write_json(folder / "state.json", record)


def load_models(run: Path, name: str, parts: Parts) -> int:
    """Put the trained weights of checkpoint ``name`` into the models; returns the step they belong to.

    Raises:
        InputError: there is no such checkpoint, or it belongs to other models.
    """
    folder, step = locate(run, name)
    weights.read(folder, parts)
    return step


def load_state(run: Path, parts: Parts, optimisation: Optimisation, state: State) -> None:
    """Continue from checkpoint ``last``: weights, optimizer, chains, sampler, counters."""
    load_models(run, "last", parts)
    folder, _ = locate(run, "last")
    record = read_json(folder / "state.json")
    slots: dict[int, dict[str, Tensor]] = {}
    moments = load_file(folder / "optimizer.safetensors")
    check_finite(moments, str(folder / "optimizer.safetensors"))
    for key, value in moments.items():
        index, name = key.split(".", 1)
        slots.setdefault(int(index), {})[name] = value
    optimisation.optimizer.load_state_dict({"state": slots, "param_groups": record["groups"]})
    # Checkpoints of earlier versions have no gradients.
    if (folder / "gradients.safetensors").exists():
        gradients = load_file(folder / "gradients.safetensors")
        check_finite(gradients, str(folder / "gradients.safetensors"))
        optimisation.recall(gradients)
    sampler = load_file(folder / "sampler.safetensors")
    state.chains = sampler["chains"]
    state.rng.set_state(sampler["rng"])
    torch.set_rng_state(sampler["torch"])
    if "cuda" in sampler and state.rng.device.type == "cuda":
        torch.cuda.set_rng_state(sampler["cuda"], state.rng.device)
    for name, value in record["state"].items():
        setattr(state, name, Window(**value) if name == "window" else value)


def locate(run: Path, name: str) -> tuple[Path, int]:
    """Folder and step of checkpoint ``name``; ``InputError`` where the run has none."""
    pointer = run / "checkpoints" / f"{name}.json"
    if not pointer.exists():
        raise InputError(f"{run}: holds no checkpoint {name!r}")
    record = read_json(pointer)
    return run / "checkpoints" / record["folder"], record["step"]


def sweep(run: Path) -> None:
    """Remove what a kill left: folders ``last-STEP`` and ``best-STEP`` that no pointer names any more."""
    for name in ("last", "best"):
        kept = locate(run, name)[0] if exists(run, name) else None
        for folder in (run / "checkpoints").glob(f"{name}-*"):
            if folder != kept and re.fullmatch(rf"{name}-\d+", folder.name):
                shutil.rmtree(folder, ignore_errors=True)


def exists(run: Path, name: str) -> bool:
    """Whether the run has a checkpoint of that name."""
    return (run / "checkpoints" / f"{name}.json").exists()


@contextmanager
def _checkpoint(run: Path, name: str, step: int) -> Iterator[Path]:
    """A folder to fill; when it is whole the pointer moves to it and older checkpoints of the same name are removed."""
    root = run / "checkpoints"
    folder = root / f"{name}-{step:06d}"
    with whole(folder) as temporary:
        temporary.mkdir()
        yield temporary
    write_json(root / f"{name}.json", {"folder": folder.name, "step": step})
    for old in root.iterdir():
        if old != folder and re.fullmatch(rf"{re.escape(name)}-\d{{6,}}", old.name) and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
