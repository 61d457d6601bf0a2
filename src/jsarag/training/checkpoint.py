"""What is in a checkpoint: weights, and in ``last`` all that the next step depends on; safetensors and JSON, no pickle.

Where checkpoints lie and which are kept is the matter of `jsarag.training.kept`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from jsarag.files import read_json, write_json
from jsarag.models.checks import check_finite
from jsarag.training.kept import entries, pointed, written
from jsarag.training.kept import exists as exists  # noqa: PLC0414 - offered here as well
from jsarag.training.kept import locate as locate  # noqa: PLC0414
from jsarag.training.kept import recover as recover  # noqa: PLC0414
from jsarag.training.kept import sweep as sweep  # noqa: PLC0414
from jsarag.training.monitor import Window
from jsarag.training.optimisation import Optimisation, Parameters
from jsarag.types import InputError

WEIGHTS, STATE = "models.safetensors", "state.json"


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
        warned: Warnings given so far, text by kind.
        window: What the monitor has seen.
        left_out: Steps that changed nothing because their loss or gradient was not finite.
        index: Folder, inside the run's, of the rebuilt index in use; empty while it is the first one.
        record: Length and SHA-256 of metrics.jsonl so far; empty where an earlier version saved the state.
    """

    chains: Tensor
    rng: torch.Generator
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
    index: str = ""
    record: dict[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        """The part that goes into JSON."""
        numbers = {name: value for name, value in vars(self).items() if name not in ("chains", "rng")}
        return numbers | {"window": asdict(self.window)}


def save_models(run: Path, name: str, parameters: Parameters, step: int) -> None:
    """Write the trained weights as checkpoint ``name`` of the run."""
    with written(run, name, step) as folder:
        write_models(folder, parameters)


def write_models(folder: Path, parameters: Parameters) -> None:
    """Write the trained weights into a folder."""
    weights = {key: weight.detach().contiguous() for key, weight in _flat(parameters).items()}
    check_finite(weights, "training: nothing is saved")
    save_file(weights, folder / WEIGHTS)


def write_state(folder: Path, parameters: Parameters, optimisation: Optimisation, state: State) -> None:
    """Write weights, optimizer, gradients, chains, sampler and counters into a folder."""
    write_models(folder, parameters)
    optimizer = optimisation.optimizer.state_dict()
    tensors = {f"{i}.{key}": value for i, slot in optimizer["state"].items() for key, value in slot.items()}
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "optimizer.safetensors")
    save_file(optimisation.previous(), folder / "gradients.safetensors")
    rng = {"rng": state.rng.get_state(), "torch": torch.get_rng_state()}
    if state.rng.device.type == "cuda":
        rng["cuda"] = torch.cuda.get_rng_state(state.rng.device)
    save_file({"chains": state.chains, **rng}, folder / "sampler.safetensors")
    write_json(folder / STATE, {"state": state.numbers(), "groups": optimizer["param_groups"]})


def load_models(run: Path, name: str, parameters: Parameters) -> int:
    """Put the trained weights of checkpoint ``name`` into the parameters; returns the step they belong to.

    Raises:
        InputError: there is no such checkpoint, it belongs to other models, or its weights are damaged.
    """
    kept = pointed(run, name)
    with kept.checked([WEIGHTS]):
        _put(load_file(kept.folder / WEIGHTS), parameters, kept.folder / WEIGHTS)
    return kept.step


def load_parts(run: Path, name: str, parameters: Parameters) -> None:
    """Like `load_models`, of a run that may have trained other parts: what only one of both knows is left alone."""
    kept = pointed(run, name)
    file = kept.folder / WEIGHTS
    with kept.checked([WEIGHTS]):
        saved = load_file(file)
        there = {_part(key) for key in saved}
        found = {part: named for part, named in parameters.items() if part in there}
        _put({key: weight for key, weight in saved.items() if _part(key) in found}, found, file)


def load_state(run: Path, parameters: Parameters, optimisation: Optimisation, state: State) -> None:
    """Continue from checkpoint ``last``, which `recover` found whole: weights, optimizer, chains, sampler, counters."""
    folder, _ = locate(run, "last")
    _put(load_file(folder / WEIGHTS), parameters, folder / WEIGHTS)
    record = read_json(folder / STATE)
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


def indexes(run: Path) -> set[str]:
    """The rebuilt indexes, named as in `State.index`, that the kept checkpoints ``last`` need."""
    found = set()
    for kept in entries(run, "last"):
        with suppress(InputError):  # the one before may be damaged: then nothing needs its index
            found.add(str(read_json(kept.folder / STATE)["state"].get("index", "")))
    return found


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
