"""What is in a checkpoint: weights, and in ``last`` all that the next step depends on; safetensors and JSON, no pickle.

Where checkpoints lie and which are kept is the matter of `jsarag.training.kept`.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from jsarag.files import read_json, write_json
from jsarag.layout import GRADIENTS, OPTIMIZER, SAMPLER, STATE
from jsarag.models.checks import check_finite
from jsarag.objectives.candidates import PADDING
from jsarag.training import weights
from jsarag.training.kept import entries, pointed, written
from jsarag.training.kept import exists as exists  # noqa: PLC0414 - offered here as well
from jsarag.training.kept import locate as locate  # noqa: PLC0414
from jsarag.training.kept import recover as recover  # noqa: PLC0414
from jsarag.training.kept import sweep as sweep  # noqa: PLC0414
from jsarag.training.models import Parts
from jsarag.training.monitor import Window
from jsarag.training.optimisation import Optimisation
from jsarag.training.state import State
from jsarag.types import InputError


def save_models(run: Path, name: str, parts: Parts, step: int) -> None:
    """Write the trained weights as checkpoint ``name`` of the run."""
    with written(run, name, step) as folder:
        weights.write(folder, parts)


def write_state(folder: Path, parts: Parts, optimisation: Optimisation, state: State) -> None:
    """Write weights, optimizer, gradients, chains, sampler and counters into a folder."""
    weights.write(folder, parts)
    optimizer = optimisation.optimizer.state_dict()
    tensors = {f"{i}.{key}": value for i, slot in optimizer["state"].items() for key, value in slot.items()}
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / OPTIMIZER)
    save_file(optimisation.previous(), folder / GRADIENTS)
    rng = {"rng": state.rng.get_state(), "torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        rng["cuda"] = torch.cuda.get_rng_state()
    save_file({"chains": state.chains, "rows": state.rows, **rng}, folder / SAMPLER)
    write_json(folder / STATE, {"state": state.numbers(), "groups": optimizer["param_groups"]})


def load_models(run: Path, name: str, parts: Parts) -> int:
    """Put the trained weights of checkpoint ``name`` into the models; returns the step they belong to.

    Raises:
        InputError: there is no such checkpoint, it belongs to other models, or its weights are damaged.
    """
    kept = pointed(run, name)
    with kept.checked(parts):
        weights.read(kept.folder, parts)
    return kept.step


def load_state(run: Path, parts: Parts, optimisation: Optimisation, state: State) -> None:
    """Continue from checkpoint ``last``, which `recover` found whole: weights, optimizer, chains, sampler, counters."""
    folder, _ = locate(run, "last")
    weights.read(folder, parts)
    record = read_json(folder / STATE)
    slots: dict[int, dict[str, Tensor]] = {}
    moments = load_file(folder / OPTIMIZER)
    check_finite(moments, str(folder / OPTIMIZER))
    for key, value in moments.items():
        index, name = key.split(".", 1)
        slots.setdefault(int(index), {})[name] = value
    optimisation.optimizer.load_state_dict({"state": slots, "param_groups": record["groups"]})
    # Checkpoints of earlier versions have no gradients.
    if (folder / GRADIENTS).exists():
        gradients = load_file(folder / GRADIENTS)
        check_finite(gradients, str(folder / GRADIENTS))
        optimisation.recall(gradients)
    sampler = load_file(folder / SAMPLER)
    state.chains = _carried(sampler["chains"], sampler.get("rows"), state.rows)
    if len(sampler["rng"]) == len(state.rng.get_state()):  # earlier versions drew on the GPU where there was one
        state.rng.set_state(sampler["rng"])
    torch.set_rng_state(sampler["torch"])
    if "cuda" in sampler and torch.cuda.is_available():
        torch.cuda.set_rng_state(sampler["cuda"])
    for name, value in record["state"].items():
        setattr(state, name, Window(**value) if name == "window" else value)


def indexes(run: Path) -> set[str]:
    """The rebuilt indexes, named as in `State.index`, that the kept checkpoints ``last`` need."""
    found = set()
    for kept in entries(run, "last"):
        with suppress(InputError):  # the one before may be damaged: then nothing needs its index
            found.add(str(read_json(kept.folder / STATE)["state"].get("index", "")))
    return found


def _carried(chains: Tensor, saved: Tensor | None, rows: Tensor) -> Tensor:
    """``[rows]`` chains of the pairs that a run has now; a pair that it had not when they were saved starts anew."""
    if saved is None:  # a checkpoint of an earlier version
        return chains if len(chains) == len(rows) else torch.full_like(rows, PADDING)
    if torch.equal(saved, rows):
        return chains
    where = {row: i for i, row in enumerate(saved.tolist())}
    return torch.tensor([int(chains[where[row]]) if row in where else PADDING for row in rows.tolist()])
