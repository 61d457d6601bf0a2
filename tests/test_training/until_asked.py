"""`jsarag` with the arguments given, whose training waits after a saved step until a signal has asked for an end."""

from __future__ import annotations

import select
import signal
import socket
import sys

from jsarag import interrupt, ranks
from jsarag.cli.main import main
from jsarag.training import checkpoint

PATIENCE = 100.0
"""Seconds; a run that nobody stops goes on, and the test fails."""

_came, _told = socket.socketpair()
_told.setblocking(False)
signal.set_wakeup_fd(_told.fileno())  # a byte for each signal, from now on
_save = checkpoint.save_state


def _save_and_wait(*arguments: object, **options: object) -> None:
    _save(*arguments, **options)  # type: ignore[arg-type]
    if ranks.first() and interrupt._current:
        select.select([_came], [], [], PATIENCE)


checkpoint.save_state = _save_and_wait
sys.exit(main())
