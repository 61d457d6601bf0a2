"""What long work tells whoever watches: tasks that advance, and lines of text. The library itself is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int, str], None]
"""Told how much more of a task is done, and a short text on its state."""


class Display(Protocol):
    """Something that shows progress."""

    def task(self, name: str, total: int, done: int = 0) -> AbstractContextManager[Advance]:
        """Show a task of ``total`` units, of which ``done`` were done before, until the block ends."""

    def say(self, text: str) -> None:
        """Show one line."""


class Silent:
    """Shows nothing."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Ignore the task."""
        yield lambda more, text: None

    def say(self, text: str) -> None:
        """Ignore the line."""
