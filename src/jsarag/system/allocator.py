"""How a process takes memory from the system: in large pages, and keeping what it has.

A training step on a CPU allocates gigabytes and frees them again. What goes back to the system comes back page by page,
each to be cleared first; with all weights trained that was most of the time of a backward pass (benchmarks/README.md).
"""

from __future__ import annotations

import ctypes
import os
import sys

M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def keep_memory() -> None:
    """Ask for large pages and keep freed memory until the process ends; to be called before torch is imported.

    What the user has set (``THP_MEM_ALLOC_ENABLE``, ``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_MAX_``) stays as it is.
    Without glibc, whose mallopt(3) this is, nothing is kept.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        return
    # -1: never given back at the end of the heap; 0: no blocks of their own, which go back as soon as they are freed.
    for name, option, value in (("TRIM_THRESHOLD", M_TRIM_THRESHOLD, -1), ("MMAP_MAX", M_MMAP_MAX, 0)):
        if f"MALLOC_{name}_" not in os.environ:
            libc.mallopt(option, value)
