"""The folder of a run, as a trainer's store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsarag import layout, processes
from jsarag.display import Display
from jsarag.files import write_json
from jsarag.kb import KnowledgeBase
from jsarag.training import checkpoint, record, weights
from jsarag.training.config import LoopConfig
from jsarag.training.models import Parts
from jsarag.training.optimisation import Optimisation
from jsarag.training.rebuild import prune, sweep
from jsarag.training.record import Record
from jsarag.training.saver import Saver
from jsarag.training.state import State
from jsarag.types import InputError


class RunFolder:
    """Keeps checkpoints, record and rebuilt indexes in a folder; goes on from the checkpoint ``last`` that is there."""

    def __init__(self, folder: Path, loop: LoopConfig, display: Display) -> None:
        """Of the run in ``folder``, whose settings say which weights it ends with and who is told its curves."""
        self.folder: Path | None = folder
        self.run, self.loop, self.display = folder, loop, display
        self.saver = Saver(folder)

    def resume(self, parts: Parts, optimisation: Optimisation, state: State, kb: KnowledgeBase) -> KnowledgeBase | None:
        """Take over the checkpoint ``last``, if there is one.

        Raises:
            InputError: the record or the best weights are not those that the checkpoint counts on.
        """
        if not checkpoint.exists(self.run, "last"):
            return None
        processes.by_first(lambda: checkpoint.sweep(self.run))
        checkpoint.load_state(self.run, parts, optimisation, state)
        if state.index:
            kb = KnowledgeBase.load(self.run / state.index)
        if processes.first() and not record.check(self.run, state.record):
            self.display.say(f"warning: {self.run / record.FILE} is missing: the record begins after step {state.step}")
        if self.loop.keep == "best" and state.best is not None and not checkpoint.exists(self.run, "best"):
            raise InputError(
                f"{self.run}: holds no checkpoint 'best', though step {state.best_step} saved one; put it back from a "
                "copy, or set loop.keep to last in config.yaml"
            )
        processes.by_first(lambda: prune(self.run, checkpoint.indexes(self.run)))
        processes.by_first(lambda: sweep(self.run))
        return kb

    def record(self, from_step: int | None) -> Record:
        """``metrics.jsonl`` and the trackers."""
        return Record(self.run, from_step=from_step, trackers=self.loop.report_to)

    def save(self, parts: Parts, optimisation: Optimisation, state: State, record: Record) -> None:
        """Write the checkpoint ``last``; it counts once it is on the disk."""

        def write() -> None:
            state.record = record.so_far()
            self.saver.save(
                "last",
                state.step,
                lambda folder: checkpoint.write_state(folder, parts, optimisation, state),
                before=record.sync,
            )

        processes.by_first(write)

    def save_best(self, parts: Parts, step: int) -> None:
        """Write the checkpoint ``best``, likewise."""
        processes.by_first(lambda: self.saver.save("best", step, lambda folder: weights.write(folder, parts)))

    def look(self) -> None:
        """Raise what went wrong with a checkpoint."""
        self.saver.look()

    def settle(self, state: State) -> None:
        """Wait until all checkpoints are on the disk; then the indexes that none of them needs can go."""
        self.saver.wait()
        processes.by_first(lambda: prune(self.run, {*checkpoint.indexes(self.run), state.index}))

    def close(self) -> None:
        """Wait, and end the thread."""
        self.saver.close()

    def restore(self, parts: Parts, keep: str) -> tuple[str, int]:
        """Read the checkpoint that the run ends with."""
        name = "best" if keep == "best" and checkpoint.exists(self.run, "best") else "last"
        return name, checkpoint.load_models(self.run, name, parts)

    def keep_pairs(self, step: int, found: str, pairs: list[dict[str, Any]]) -> str:
        """Write the pairs of a step that cannot be taken into ``nonfinite/``."""
        file = self.run / layout.NONFINITE / f"{step:06d}.json"
        processes.by_first(lambda: write_json(file, {"step": step, "found": found, "pairs": pairs}))
        return f"in {file}"
