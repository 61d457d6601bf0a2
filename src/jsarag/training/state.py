"""Where a run stands."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from jsarag.training.monitor import Window


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
        record: Length and SHA-256 of metrics.jsonl so far; empty where an earlier version saved the state.
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
    record: dict[str, Any] = field(default_factory=dict)

    def numbers(self) -> dict[str, Any]:
        """The part that goes into JSON."""
        numbers = {name: value for name, value in vars(self).items() if name not in ("chains", "rng", "rows")}
        return numbers | {"window": asdict(self.window)}
