"""A run that goes on beyond the length it was given, stopped or finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsarag import checksums, layout
from jsarag.checks import require
from jsarag.files import read_json
from jsarag.run import sealed
from jsarag.run.config import TrainConfig
from jsarag.training import checkpoint
from jsarag.training.config import LoopConfig, OptimConfig
from jsarag.training.schedule import factor
from jsarag.types import InputError

LENGTHS = ("epochs", "steps", "tokens", "compute")
"""Settings of the loop that end a run; one of them counts."""


def longer(config: TrainConfig, length: Mapping[str, Any]) -> TrainConfig:
    """The run of another length: one of `LENGTHS` with its value, in the place of the one that it was begun with.

    Raises:
        InputError: several of them, or a value that is none.
    """
    for name in list(length)[1:]:
        require(False, f"loop.{name}", f"alone, without loop.{next(iter(length))}", length[name])
    others: dict[str, Any] = dict.fromkeys(name for name in LENGTHS if name not in ("epochs", *length))
    return replace(config, loop=replace(config.loop, **others, **length))


def check(config: TrainConfig, examples: int) -> None:
    """Refuse to extend a finished run that would take no further step, or whose results are damaged.

    Args:
        config: The run, with its new length.
        examples: Training pairs.

    Raises:
        InputError: no more than what is done, or a run that ended because the dev pairs no longer improved.
    """
    run, loop = Path(config.out), config.loop
    sealed.check(run, (*sealed.RESULTS, *sealed.PARTS))
    summary = read_json(run / layout.SUMMARY)
    if summary["run"]["end"] == "early":
        raise InputError(
            f"{run}: ended early, because loop.patience {loop.patience} evaluations brought nothing better; more steps "
            f"would end at once. Start from its models: jsarag train --from {run}"
        )
    cost = summary["cost"]
    done = loop.spent(cost["tokens_scored"], cost["tokens_trained"]) if loop.budget else summary["run"]["steps"]
    wanted = loop.budget or loop.number_of_steps(examples)
    name = next((name for name in LENGTHS[1:] if getattr(loop, name)), "epochs")
    told = f"more than the {done:,} {'steps' if name in ('steps', 'epochs') else 'tokens'} that are done"
    told += f" ({loop.epochs:g} epochs are {wanted:,})" if name == "epochs" else ""
    require(wanted > done, f"loop.{name}", told, getattr(loop, name))


def reopen(run: Path) -> None:
    """Make a finished run one that goes on: what was measured at its end is measured anew."""
    for file in (run / layout.SUMMARY, run / checksums.FILE, *(run / layout.EVALUATION).glob("after.*")):
        file.unlink(missing_ok=True)


def told(was: LoopConfig, config: TrainConfig, examples: int) -> str:
    """What becomes of the learning rates, in a line."""
    run, loop = Path(config.out), config.loop
    step = checkpoint.locate(run, "last")[1] if checkpoint.exists(run, "last") else 0
    if loop.budget or was.budget:
        rates = "the learning rates follow the schedule of the new length"
    else:
        before, now = (_share(config.optim, step, one.number_of_steps(examples)) for one in (was, loop))
        rates = (
            f"the learning rates follow the schedule of {loop.number_of_steps(examples)} steps, no longer that of "
            f"{was.number_of_steps(examples)}: after step {step} they go on at {now:.2f} of their peak instead of "
            f"{before:.2f}"
        )
    return f"{rates} (optim.schedule {config.optim.schedule})"


def _share(optim: OptimConfig, step: int, steps: int) -> float:
    return factor(optim.schedule, optim.warmup, min(step / steps, 1.0))
