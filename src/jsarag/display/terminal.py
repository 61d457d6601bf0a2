"""Progress on a terminal: live bars with ETA; plain lines now and then where the output is a file or a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from jsarag.display import Advance, Display, Silent
from jsarag.display.visible import visible_line

EVERY = 15.0
"""Seconds between plain lines."""


def shown(display: Display | None) -> Display:
    """What shows progress: ``display``; where there is none, the terminal if standard error is one, else nothing."""
    return display or (Terminal() if sys.stderr.isatty() else Silent())


class Terminal:
    """A `jsarag.display.Display` on standard error."""

    def __init__(self) -> None:
        """Use bars where standard error is a terminal."""
        self._console = Console(stderr=True, highlight=False)
        self._progress: Progress | None = None

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """A bar, or lines."""
        if not self._console.is_terminal:
            yield _lines(name, total, done)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}", markup=False),
        )
        outer = self._progress
        progress = outer or Progress(*columns, console=self._console)
        with nullcontext() if outer else progress:
            self._progress = progress
            bar = progress.add_task(name, total=total, completed=done, state="")
            try:
                yield lambda more, state: progress.update(bar, advance=more, state=state)
            finally:
                self._progress = outer
                if outer:  # within another task: a bar below its own, until this one ends
                    outer.remove_task(bar)

    def say(self, text: str) -> None:
        """One line, above the bars."""
        # Not wrapped: a command in it can be copied.
        self._console.print(visible_line(text), markup=False, soft_wrap=True)


def _lines(name: str, total: int, done: int) -> Advance:
    began, first = time.monotonic(), done
    shown = began
    print(f"{name} {done}/{total}", file=sys.stderr, flush=True)

    def advance(more: int, state: str) -> None:
        nonlocal done, shown
        done += more
        now = time.monotonic()
        if done >= total or now - shown >= EVERY:
            shown = now
            left = (now - began) / max(done - first, 1) * (total - done)
            print(
                f"{name} {done}/{total}  {now - began:.0f} s, ETA {left:.0f} s  {state}".rstrip(),
                file=sys.stderr,
                flush=True,
            )

    return advance
