"""Ctrl-C that stops training after the step in hand, so that a checkpoint can be written."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether SIGINT or SIGTERM came; a second one, after a second, interrupts at once."""
    asked: float | None = None

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        # Under torchrun one Ctrl-C comes twice: from the terminal, and passed on.
        if asked is not None and time.monotonic() - asked > 1:
            raise KeyboardInterrupt
        asked = asked or time.monotonic()

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked is not None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
