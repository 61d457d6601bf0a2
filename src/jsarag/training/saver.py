"""Checkpoints whose wait for the disk passes beside training: the step waits for the writing alone.

Files are written at once, so they hold the weights of their step. A thread then computes the checksums, waits until
all is on the disk, and moves the pointer. A kill before that leaves the checkpoint before.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from jsarag.training.kept import written


class Saver:
    """Saves the checkpoints of one run, in the order in which they are given."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._pending: list[Future[None]] = []

    def save(
        self, name: str, step: int, fill: Callable[[Path], None], before: Callable[[], None] | None = None
    ) -> None:
        """Write a checkpoint; returns when its files are written, which may be before they are on the disk.

        Args:
            name: Its name.
            step: The step it belongs to.
            fill: Writes its files into a folder.
            before: Done in the thread before the pointer moves.
        """
        with ExitStack() as stack:
            folder = stack.enter_context(written(self._run, name, step))
            fill(folder)
            finishing = stack.pop_all()
        if before is not None:
            finishing.callback(before)  # what is added last is done first
        self._pending.append(self._pool.submit(finishing.close))

    def look(self) -> None:
        """Raise what went wrong in the thread so far; does not wait."""
        while self._pending and self._pending[0].done():
            self._pending.pop(0).result()

    def wait(self) -> None:
        """Until everything is on the disk; raises what went wrong."""
        while self._pending:
            self._pending.pop(0).result()

    def close(self) -> None:
        """Wait, and end the thread."""
        try:
            self.wait()
        finally:
            self._pool.shutdown()
