"""Whether freed memory stays with the process, and whether it goes where the user wants that."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SIZE = 256 * 2**20
PROGRAM = f"""
import ctypes
from jsarag.system.allocator import keep_memory

def resident():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))

keep_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
before = resident()
block = libc.malloc(ctypes.c_size_t({SIZE}))
ctypes.memset(block, 1, {SIZE})
libc.free(ctypes.c_void_p(block))
print(resident() - before)
"""


def kept(**settings: str) -> int:
    """Bytes that a process still holds after it has freed a block."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | settings
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_freed_memory_is_kept_unless_the_user_says_otherwise() -> None:
    assert kept() > 0.9 * SIZE
    assert kept(MALLOC_MMAP_MAX_="1000", MALLOC_MMAP_THRESHOLD_="100000") < 0.1 * SIZE
    assert kept(MALLOC_TRIM_THRESHOLD_="100000") < 0.1 * SIZE
