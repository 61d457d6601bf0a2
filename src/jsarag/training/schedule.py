"""The course of the learning rates after warm-up; a new one is one line of `SCHEDULES`."""

from __future__ import annotations

import math
from collections.abc import Callable

SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda rest: (1 + math.cos(math.pi * rest)) / 2,
    "linear": lambda rest: 1 - rest,
    "constant": lambda rest: 1.0,
}
"""Share of the peak rate after the share ``rest`` of the run that follows warm-up, both 0 to 1."""


def factor(schedule: str, warmup: float, progress: float) -> float:
    """Share of the peak learning rate after ``progress`` of a run, 0 to 1: linear warm-up, then the schedule."""
    if progress < warmup:
        return progress / warmup
    return SCHEDULES[schedule](min((progress - warmup) / (1 - warmup), 1.0))
