"""Checkpoints: safetensors and JSON, no pickle; a kill at any moment leaves the previous one intact.

A run folder holds ``checkpoints/NAME-STEP/`` and, for NAME last and best, a pointer ``checkpoints/NAME.json`` that is
renamed into place after its folder is whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from jsarag.files import read_json, whole, write_json
from jsarag.models.checks import check_finite
from jsarag.objectives.candidates import PADDING
from jsarag.training.monitor import Window
from jsarag.training.optimisation import Optimisation, Parameters
from jsarag.types import InputError


@dataclass
class State:
    """Where a run stands: everything beside weights and optimizer that the next step depends on, and its costs so far.

    Attributes:
        step: Steps taken.
        seconds: Time spent in training steps.
        rebuild_seconds: Time that rebuilding the index took, beside it or within it.
        tokens_scored: Generator tokens without gradient.
        tokens_trained: Generator tokens with gradient.
        best: Best monitored dev figure so far, None before the first evaluation.
        best_step: Its step.
        stale: Evaluations since then.
        peak_memory_bytes: Largest resident memory seen.
        chains: ``[training pairs]`` position of the passage on which each chain stands, -1 where there is none.
        rng: The sampler's source of randomness.
        rows: ``[training pairs]`` a number for the content of each pair, by which its chain is found again.
        warned: Warnings given so far, text by kind.
        window: What the monitor has seen.
        left_out: Steps that changed nothing because their loss or gradient was not finite.
        halvings: How often memory ran out, and batches of tokens were halved.
        index: Folder, inside the run's, of the rebuilt index in use; empty while it is the first one.
    """

    chains: Tensor
    rng: torch.Generator
    rows: Tensor
    step: int = 0
    seconds: float = 0.0
    rebuild_seconds: float = 0.0
    tokens_scored: int = 0
    tokens_trained: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    peak_memory_bytes: int = 0
    warned: dict[str, str] = field(default_factory=dict)
    window: Window = field(default_factory=Window)
    left_out: int = 0
    halvings: int = 0
    index: str = ""

    def numbers(self) -> dict[str, Any]:
        """The part that goes into JSON."""
        numbers = {name: value for name, value in vars(self).items() if name not in ("chains", "rng", "rows")}
        return numbers | {"window": asdict(self.window)}


def save_models(run: Path, name: str, parameters: Parameters, step: int) -> None:
    """Write the trained weights as checkpoint ``name`` of the run."""
    with _checkpoint(run, name, step) as folder:
        _save_weights(folder, parameters)


def save_state(run: Path, parameters: Parameters, optimisation: Optimisation, state: State) -> None:
    """Write all that `load_state` needs to go on as if nothing had happened, as checkpoint ``last``."""
    with _checkpoint(run, "last", state.step) as folder:
        _save_weights(folder, parameters)
        optimizer = optimisation.optimizer.state_dict()
        tensors = {f"{i}.{key}": value for i, slot in optimizer["state"].items() for key, value in slot.items()}
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "optimizer.safetensors")
        save_file(optimisation.previous(), folder / "gradients.safetensors")
        rng = {"rng": state.rng.get_state(), "torch": torch.get_rng_state()}
        if state.rng.device.type == "cuda":
            rng["cuda"] = torch.cuda.get_rng_state(state.rng.device)
        save_file({"chains": state.chains, "rows": state.rows, **rng}, folder / "sampler.safetensors")
        record = {
            "state": state.numbers(),
            "groups": optimizer["param_groups"],
        }
        write_json(folder / "state.json", record)


def load_models(run: Path, name: str, parameters: Parameters) -> int:
    """Put the trained weights of checkpoint ``name`` into the parameters; returns the step they belong to.

    Raises:
        InputError: there is no such checkpoint, or it belongs to other models.
    """
    file, step = _weights(run, name)
    _put(load_file(file), parameters, file)
    return step


def load_parts(run: Path, name: str, parameters: Parameters) -> None:
    """Like `load_models`, of a run that may have trained other parts: what only one of both knows is left alone."""
    file, _ = _weights(run, name)
    saved = load_file(file)
    there = {_part(key) for key in saved}
    found = {part: named for part, named in parameters.items() if part in there}
    _put({key: weight for key, weight in saved.items() if _part(key) in found}, found, file)


def load_state(run: Path, parameters: Parameters, optimisation: Optimisation, state: State) -> None:
    """Continue from checkpoint ``last``: weights, optimizer, chains, sampler, counters."""
    load_models(run, "last", parameters)
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
    state.chains = _carried(sampler["chains"], sampler.get("rows"), state.rows)
    state.rng.set_state(sampler["rng"])
    torch.set_rng_state(sampler["torch"])
    if "cuda" in sampler and state.rng.device.type == "cuda":
        torch.cuda.set_rng_state(sampler["cuda"], state.rng.device)
    for name, value in record["state"].items():
        setattr(state, name, Window(**value) if name == "window" else value)


def _carried(chains: Tensor, saved: Tensor | None, rows: Tensor) -> Tensor:
    """``[rows]`` chains of the pairs that a run has now; a pair that it had not when they were saved starts anew."""
    if saved is None:  # a checkpoint of an earlier version
        return chains if len(chains) == len(rows) else torch.full_like(rows, PADDING)
    if torch.equal(saved, rows):
        return chains
    where = {row: i for i, row in enumerate(saved.tolist())}
    return torch.tensor([int(chains[where[row]]) if row in where else PADDING for row in rows.tolist()])


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


def _weights(run: Path, name: str) -> tuple[Path, int]:
    folder, step = locate(run, name)
    return folder / "models.safetensors", step


def _put(saved: Mapping[str, Tensor], parameters: Parameters, file: Path) -> None:
    wanted = _flat(parameters)
    if saved.keys() != wanted.keys() or any(saved[key].shape != wanted[key].shape for key in wanted):
        raise InputError(f"{file}: holds other weights than this run's models and objective train")
    check_finite(saved, str(file))
    with torch.no_grad():
        for key, weight in wanted.items():
            weight.copy_(saved[key])


def _part(key: str) -> str:
    return key.partition(".")[0]


def _flat(parameters: Parameters) -> Mapping[str, nn.Parameter]:
    return {f"{component}.{name}": weight for component, named in parameters.items() for name, weight in named.items()}


def _save_weights(folder: Path, parameters: Parameters) -> None:
    weights = {key: weight.detach().contiguous() for key, weight in _flat(parameters).items()}
    check_finite(weights, "training: nothing is saved")
    save_file(weights, folder / "models.safetensors")
