"""Signals that ask a command to end, SIGINT (Ctrl-C), SIGTERM and SIGHUP: one way for all of them.

A signal raises `Stopped` at once, except where work says that it looks for signals itself (`Asked.later`). A command
that was asked to end exits with status 128 + signal, also where the exception got lost.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TWICE = 1.0
"""Seconds in which the same signal counts once: under torchrun a Ctrl-C comes from the terminal, and is passed on."""


class Stopped(KeyboardInterrupt):
    """A signal ended the work; the message is its name."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)


class Asked:
    """Which signal asked for an end.

    Attributes:
        number: The first signal that came, 0 while none did.
    """

    def __init__(self) -> None:
        self.number = 0
        self._at = 0.0
        self._waits = False
        self._terminals = [output for output in (1, 2) if os.isatty(output)]

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal: raise `Stopped`, unless the work looks for signals itself and this is the first one."""
        if number == signal.SIGHUP:
            self._leave_terminal()
        if not self.number:
            self.number, self._at = number, time.monotonic()
            if self._waits:
                if self._terminals and os.isatty(2):  # a step may take long, and the bar goes on
                    os.write(2, b"\nstopping after the step in hand; the same signal again stops at once\n")
                return
        elif number != self.number or time.monotonic() - self._at < TWICE:
            return
        raise Stopped(number)

    @contextmanager
    def later(self) -> Iterator[None]:
        """Within the block the first signal only sets ``number``, and `Stopped` is raised at the end of the block.

        A second signal of the same kind still raises at once.
        """
        self._raise()
        self._waits = True
        try:
            yield
        finally:
            self._waits = False
        self._raise()

    def _raise(self) -> None:
        if self.number:
            raise Stopped(self.number)

    def _leave_terminal(self) -> None:
        """Send output nowhere when its terminal is gone: writing would fail, and the work could not be saved."""
        for output in self._terminals:
            if not os.isatty(output):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, output)
                os.close(nowhere)


_current: Asked | None = None


@contextmanager
def listening() -> Iterator[Asked]:
    """Handle the signals until the block ends; within another such block, that one's handling.

    Only the main thread can handle signals; elsewhere none ever comes. A SIGHUP that is ignored (nohup) stays ignored.
    """
    global _current  # noqa: PLW0603 (so are a process's signal handlers)
    if _current is not None or threading.current_thread() is not threading.main_thread():
        yield _current or Asked()
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        del before[signal.SIGHUP]
    _current = Asked()
    try:
        for number in before:
            signal.signal(number, _current.note)
        yield _current
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        _current = None
