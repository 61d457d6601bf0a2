"""`jsarag` with the arguments given, whose training waits after a saved step until a signal has asked for an end."""

from __future__ import annotations

import select
import signal
import socket
import sys
from typing import Any

from jsarag import processes
from jsarag.cli.main import main
from jsarag.system import interrupt
from jsarag.training.saver import Saver

PATIENCE = 100.0
"""Seconds; a run that nobody stops goes on, and the test fails."""

_came, _told = socket.socketpair()
_told.setblocking(False)
signal.set_wakeup_fd(_told.fileno())  # a byte for each signal, from now on
_save = Saver.save


def _save_and_wait(self: Saver, *arguments: Any, **options: Any) -> None:
    _save(self, *arguments, **options)
    if arguments[0] == "last" and processes.first() and interrupt._current:
        self.wait()
        select.select([_came], [], [], PATIENCE)


Saver.save = _save_and_wait  # type: ignore[method-assign]
sys.exit(main())
