"""What a run will write and hold, in bytes, before it begins."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from torch import nn

from jsarag.index.plan import Plan
from jsarag.models import Encoder, Generator, LanguageModel
from jsarag.run.config import TrainConfig
from jsarag.run.data import Data
from jsarag.training.models import Models

STATE = 12
"""Bytes of a checkpoint a trained number beside the number: two moments of AdamW and a gradient."""
TRAINED = 16
"""Bytes of memory a trained number beside the number: two moments, a gradient, and that of the step before."""
LASTS = 3
"""Checkpoints ``last`` on the disk at once: two are kept while a third is written."""
INDEXES = 4
"""Folders of rebuilt indexes at once: those of the checkpoints, and the final one."""
RECORD = 40
"""Bytes around a passage in its file."""


@dataclass(frozen=True)
class Sizes:
    """Bytes on the disk and in memory.

    Attributes:
        checkpoints: On the disk, at most.
        index: On the disk, at most; 0 where the run finds one.
        training: Memory for optimizer and gradients.
        copies: Memory for copies of models that the objective asks for.
        kb: Memory for the vectors and their index.
    """

    checkpoints: int
    index: int
    training: int
    copies: int
    kb: int


def sizes(config: TrainConfig, models: Models, data: Data, plan: Plan | None) -> Sizes:
    """The sizes of a run.

    Args:
        config: The run.
        models: As they were loaded.
        data: What was read.
        plan: The index that is to be made; None where the run finds one.
    """
    loop, objective = config.loop, config.objective
    trained = sum(weight.numel() for named in models.trained(objective.trains).values() for weight in named.values())
    saved = sum(_saved(model) for model in models.parts(objective.trains).values())
    ends = 1 if loop.budget else -(-loop.number_of_steps(len(data.train)) // (loop.eval_every or sys.maxsize))
    saves = LASTS if loop.budget and loop.eval_every else min(ends, LASTS)
    best = 2 * saved if data.dev and loop.keep == "best" else 0
    start = sum(_saved(model) for model in models.parts().values()) if config.start else 0
    index = 0
    if plan is not None:
        text = sum(len(f"{h.id}{h.title}{h.text}".encode()) + RECORD for h in data.passages)
        index = plan.needs.disk + plan.vectors + text
    return Sizes(
        checkpoints=saves * (saved + STATE * trained) + best + start,
        index=index * (1 + (INDEXES if config.passages.learns else 0)),
        training=TRAINED * trained,
        copies=("untrained" in objective.sources) * _held(models.prior)
        + objective.first_reading.untrained * _held(models.generator),
        kb=4 * len(data.passages) * models.prior.dimensions + (plan.needs.memory if plan else 0),
    )


def _held(model: Encoder | Generator) -> int:
    """Bytes of all weights of a model."""
    return sum(value.nbytes for value in model.state_dict().values()) if isinstance(model, nn.Module) else 0


def _saved(model: Encoder | Generator) -> int:
    """Bytes of what a checkpoint keeps of a model: the adapters, or all weights."""
    if isinstance(model, LanguageModel) and model.config.lora:
        return sum(weight.nbytes for weight in model.trained().values())
    return _held(model)
