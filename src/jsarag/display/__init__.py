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


def about(seconds: float) -> str:
    """A time for people, rough: ``90 s``, ``5 min``, ``2.5 h``."""
    if seconds < 120:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class Silent:
    """Shows nothing."""

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Ignore the task."""
        yield lambda more, text: None

    def say(self, text: str) -> None:
        """Ignore the line."""
