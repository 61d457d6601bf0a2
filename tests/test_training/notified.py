"""Waiting for the files that another process writes: the kernel tells of each change, and of the process's end."""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

CHANGED = 0x2 | 0x80 | 0x100
"""Linux inotify: a file was written, was moved here, was created."""
PATIENCE = 240.0
"""Seconds after which what is waited for will not come."""

_libc = ctypes.CDLL(None, use_errno=True)


def holds(
    condition: Callable[[], bool], folder: Path, process: subprocess.Popen[Any] | BaseProcess, seconds: float = PATIENCE
) -> bool:
    """Block until the condition holds, or until the process is over.

    Args:
        condition: Tells of files below ``folder``; looked at after each change there.
        folder: An existing folder; folders that come into being below are watched too.
        process: What writes there.
        seconds: How long to wait.

    Returns:
        Whether the condition holds; False where the process ended before.

    Raises:
        TimeoutError: neither came.
    """
    deadline = time.monotonic() + seconds
    notices = _libc.inotify_init1(os.O_CLOEXEC)
    end = os.pidfd_open(process.pid) if isinstance(process, subprocess.Popen) else os.dup(process.sentinel)
    try:
        while True:
            # The folders come first: what is made in one after that is told, what was made before is seen.
            _watch(notices, folder)
            if condition():
                return True
            ready, _, _ = select.select([notices, end], [], [], max(0.0, deadline - time.monotonic()))
            if end in ready:
                return condition()
            if not ready:
                raise TimeoutError(f"{folder}: not after {seconds:g} seconds")
            os.read(notices, 1 << 16)
    finally:
        os.close(notices)
        os.close(end)


def _watch(notices: int, folder: Path) -> None:
    """Have all folders of a tree told of; one that is watched already stays so."""
    # Before it is listed: what is made in it after that is told.
    _libc.inotify_add_watch(notices, os.fsencode(folder), CHANGED)
    try:
        inner = [entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:  # gone again
        return
    for place in inner:
        _watch(notices, Path(place))
