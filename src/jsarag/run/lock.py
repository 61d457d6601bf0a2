"""One run, or one group of processes, works in a run folder at a time.

The lock is flock(2) on a file of the folder. The kernel holds the lock for as long as the process lives, so a killed
process leaves no stale lock. The file also names its holder, for the message to whoever comes second.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from jsarag import layout, processes
from jsarag.display import Display
from jsarag.types import InputError

FILE = layout.LOCK
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""What a file system answers that has no locks."""


@contextmanager
def held(run: Path, display: Display) -> Iterator[None]:
    """Hold the lock of a run folder, which is made if need be; of several processes the first one holds it for all.

    Raises:
        InputError: another run holds it; the message names its host and process.
    """
    lock, other = _take(run, display) if processes.first() else (None, "")
    try:
        if processes.first_finds(bool(other)):
            raise InputError(f"{run}: another run works in this folder ({holder(run)}); wait for its end or stop it")
        yield
    finally:
        if lock is not None:
            os.close(lock)


def holder(run: Path) -> str:
    """Who took the lock last, maybe a process that is no more; empty where nobody did."""
    try:
        return (run / FILE).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _take(run: Path, display: Display) -> tuple[int, str]:
    """The open file, locked and signed; or who holds the lock."""
    run.mkdir(parents=True, exist_ok=True)
    # Not inherited by a process that encodes in the background: it may outlive this one for a moment.
    lock = os.open(run / FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return lock, holder(run) or "a process that has just begun"
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(lock)
            raise
        display.say(f"warning: {run}: its file system has no locks; make sure that no other run works in this folder")
    signature = f"process {os.getpid()} on {platform.node()} since {datetime.now():%Y-%m-%d %H:%M:%S}\n"
    os.ftruncate(lock, 0)
    os.pwrite(lock, signature.encode(), 0)
    return lock, ""
