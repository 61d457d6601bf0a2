"""Notices that other processes use the cores on which a model trains."""

from __future__ import annotations

import os
import time

import psutil

CROWDED = 0.25
"""Share of the machine's cores in use by others from which on it is told: a step waits for the slowest of its cores."""
SPAN = 20.0
"""Seconds over which the share is taken."""


def crowd(seconds: float = 0.5) -> str:
    """What to tell where others use the cores right now, over so many seconds; empty where they do not."""
    pace = Pace()
    time.sleep(seconds)
    share = pace.others()
    return pace.slowed(share) if share >= CROWDED else ""


class Pace:
    """Measures how much of the machine other processes use, from one look to the next.

    Example:
        >>> Pace().others()
        0.0
    """

    def __init__(self) -> None:
        """Begin to measure."""
        self._process = psutil.Process()
        self._told = False
        self.others()
        self._began = time.monotonic()

    def others(self) -> float:
        """Share of all cores that other processes used since the last call, 0 to 1; 0 at the first call."""
        cores = os.cpu_count() or 1
        busy: float = psutil.cpu_percent() / 100
        own: float = self._process.cpu_percent() / 100 / cores
        return max(busy - own, 0.0)

    def slowed(self, share: float, seconds: float | None = None) -> str:
        """What to tell where others use ``share`` of the cores, and a step takes ``seconds``."""
        step = f"a step takes {seconds:.0f} s; " if seconds is not None else ""
        return (
            f"other processes use {100 * share:.0f} % of this machine's {os.cpu_count()} cores: {step}"
            "each step waits for the slowest of its threads, so that training may take several times as long"
        )

    def after(self, seconds: float) -> str | None:
        """What to tell after a step of ``seconds``: once, as soon as others used the cores for `SPAN` seconds."""
        if self._told or time.monotonic() - self._began < SPAN:
            return None
        self._began, share = time.monotonic(), self.others()
        self._told = share >= CROWDED
        return self.slowed(share, seconds) if self._told else None
