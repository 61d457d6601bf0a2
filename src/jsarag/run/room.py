"""What a machine has left for a process: memory by the machine, by its container and by its own limits."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import psutil

CONTAINER = Path("/sys/fs/cgroup")
"""Where Linux tells the limits of a container (cgroup v2)."""


class Left(NamedTuple):
    """Bytes, and what sets the limit."""

    size: int
    limit: str


def memory() -> Left:
    """The memory that this process can still take; swap does not count."""
    found = [Left(psutil.virtual_memory().available, "the machine")]
    found += _container()
    found += _limits()
    return min(found)


def disk(folder: Path) -> int:
    """Bytes left on the disk of ``folder``, or of its nearest parent that exists."""
    return shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free


def _container() -> list[Left]:
    """What the container leaves, which `psutil` does not know; files that are cached can be given back."""
    try:
        most, used = ((CONTAINER / f"memory.{name}").read_text().strip() for name in ("max", "current"))
        stat = dict(line.split() for line in (CONTAINER / "memory.stat").read_text().splitlines())
        return [Left(int(most) - int(used) + int(stat.get("inactive_file", 0)), "the container")]
    except (OSError, ValueError):  # none, or without a limit ("max")
        return []


def _limits() -> list[Left]:
    """What the limit of this process's addresses (``ulimit -v``) leaves."""
    if sys.platform == "win32":
        return []
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = psutil.Process().memory_info().vms
    return [] if soft == resource.RLIM_INFINITY else [Left(soft - used, "ulimit -v")]
