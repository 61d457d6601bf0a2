"""The folder of a run, as a trainer's store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsarag import ranks
from jsarag.files import write_json
from jsarag.retrieval import KnowledgeBase
from jsarag.training import checkpoint
from jsarag.training.models import Parts
from jsarag.training.optimisation import Optimisation
from jsarag.training.rebuild import prune
from jsarag.training.record import Record
from jsarag.training.state import State


class RunFolder:
    """Keeps checkpoints, record and rebuilt indexes in a folder; goes on from the checkpoint ``last`` that is there."""

    def __init__(self, folder: Path) -> None:
        """Of the run in ``folder``."""
        self.folder: Path | None = folder
        self.run = folder

    def resume(self, parts: Parts, optimisation: Optimisation, state: State, kb: KnowledgeBase) -> KnowledgeBase | None:
        """Take over the checkpoint ``last``, if there is one."""
        if not checkpoint.exists(self.run, "last"):
            return None
        ranks.by_first(lambda: checkpoint.sweep(self.run))
        checkpoint.load_state(self.run, parts, optimisation, state)
        if state.index:
            kb = KnowledgeBase.load(self.run / state.index)
        ranks.by_first(lambda: prune(self.run, state.index))
        return kb

    def record(self, from_step: int | None) -> Record:
        """``metrics.jsonl`` and TensorBoard."""
        return Record(self.run, from_step=from_step)

    def save(self, parts: Parts, optimisation: Optimisation, state: State, record: Record) -> None:
        """Write the checkpoint ``last``; remove what only the one before needed."""
        ranks.by_first(lambda: checkpoint.save_state(self.run, parts, optimisation, state))
        ranks.by_first(lambda: prune(self.run, state.index))

    def save_best(self, parts: Parts, step: int) -> None:
        """Write the checkpoint ``best``."""
        ranks.by_first(lambda: checkpoint.save_models(self.run, "best", parts, step))

    def restore(self, parts: Parts, keep: str) -> tuple[str, int]:
        """Read the checkpoint that the run ends with."""
        name = "best" if keep == "best" and checkpoint.exists(self.run, "best") else "last"
        return name, checkpoint.load_models(self.run, name, parts)

    def keep_pairs(self, step: int, found: str, pairs: list[dict[str, Any]]) -> str:
        """Write the pairs of a step that cannot be taken into ``nonfinite/``."""
        file = self.run / "nonfinite" / f"{step:06d}.json"
        ranks.by_first(lambda: write_json(file, {"step": step, "found": found, "pairs": pairs}))
        return f"in {file}"
