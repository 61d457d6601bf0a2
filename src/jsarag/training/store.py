"""Where a trainer keeps what must outlive a step: in memory, or (`jsarag.run.folder`) in the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from jsarag.kb import KnowledgeBase
from jsarag.training.models import Part, Parts
from jsarag.training.optimisation import Optimisation
from jsarag.training.record import Record, Rows
from jsarag.training.state import State


class Store(Protocol):
    """What a trainer asks of such a place; of several processes the first one writes for all.

    Attributes:
        folder: Where indexes that are rebuilt are written; None: they stay in memory.
    """

    folder: Path | None

    def resume(self, parts: Parts, optimisation: Optimisation, state: State, kb: KnowledgeBase) -> KnowledgeBase | None:
        """Take over what `save` kept, if anything; returns the knowledge base then in use, None for a new run."""

    def record(self, from_step: int | None) -> Record:
        """The record of a run that goes on from this step, or begins."""

    def save(self, parts: Parts, optimisation: Optimisation, state: State, record: Record) -> None:
        """Keep all that `resume` needs."""

    def save_best(self, parts: Parts, step: int) -> None:
        """Keep the trained weights as the best so far."""

    def look(self) -> None:
        """Raise what went wrong with what is being kept beside training; does not wait."""

    def settle(self, state: State) -> None:
        """Wait until all that was to be kept is kept."""

    def close(self) -> None:
        """Wait, and end what works beside training."""

    def restore(self, parts: Parts, keep: str) -> tuple[str, int]:
        """Put the weights that a run ends with, best or last, into the models; returns which, and of what step."""

    def keep_pairs(self, step: int, found: str, pairs: list[dict[str, Any]]) -> str:
        """Keep the pairs of a step that cannot be taken; says where, for people."""


class Memory:
    """Keeps the best weights, and the record as rows; when the process ends, all is gone.

    Attributes:
        rows: The record so far, as in ``metrics.jsonl``.
    """

    folder: Path | None = None

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._best: dict[Part, dict[str, Tensor]] = {}
        self._best_step = self._last_step = 0

    def resume(self, parts: Parts, optimisation: Optimisation, state: State, kb: KnowledgeBase) -> KnowledgeBase | None:
        """There is nothing to go on from."""
        return None

    def record(self, from_step: int | None) -> Record:
        """Rows in memory."""
        return Rows(self.rows)

    def save(self, parts: Parts, optimisation: Optimisation, state: State, record: Record) -> None:
        """The models themselves are the last ones."""
        self._last_step = state.step

    def save_best(self, parts: Parts, step: int) -> None:
        """Copy the trained weights."""
        self._best_step = step
        self._best = {
            part: {name: weight.detach().clone() for name, weight in model.trained().items()}
            for part, model in parts.items()
        }

    def look(self) -> None:
        """Nothing happens beside training."""

    def settle(self, state: State) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to end."""

    def restore(self, parts: Parts, keep: str) -> tuple[str, int]:
        """Copy them back."""
        if keep == "last" or not self._best:
            return "last", self._last_step
        for part, weights in self._best.items():
            for name, weight in parts[part].trained().items():
                weight.data.copy_(weights[name])
        return "best", self._best_step

    def keep_pairs(self, step: int, found: str, pairs: list[dict[str, Any]]) -> str:
        """Names the pairs by their ids."""
        return f"those with the ids {', '.join(repr(pair['id']) for pair in pairs)}"
