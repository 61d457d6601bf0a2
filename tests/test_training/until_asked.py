"""`jsarag` with the arguments given, whose training waits after a saved step until a signal has asked for an end."""

from __future__ import annotations

import sys
import time

from jsarag import interrupt, ranks
from jsarag.cli.main import main
from jsarag.training import checkpoint

PATIENCE = 100.0
"""Seconds; a run that nobody stops goes on, and the test fails."""

_save = checkpoint.save_state


def _save_and_wait(*arguments: object, **options: object) -> None:
    _save(*arguments, **options)  # type: ignore[arg-type]
    deadline = time.monotonic() + PATIENCE
    while ranks.first() and interrupt._current and not interrupt._current.number and time.monotonic() < deadline:
        time.sleep(0.01)


checkpoint.save_state = _save_and_wait
sys.exit(main())
