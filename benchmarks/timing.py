"""Paired, interleaved timing; exclusive time by phase; peak memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch

from jsarag.system.allocator import keep_memory

AS_PYTHON = "BENCHMARK_AS_PYTHON"
"""Of the environment: leave memory to Python and the system, as a plain script does."""
if AS_PYTHON not in os.environ:
    keep_memory()  # as the command line does


def seconds(work: Callable[[], object]) -> float:
    """Run once; on a GPU, until its queue is empty."""
    _wait()
    began = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - began


Times = dict[str, dict[int, float]]
"""Seconds by variant and turn."""


def interleaved(
    variants: Mapping[str, Callable[[int], object]],
    repeats: int,
    *,
    show: Callable[[str], None],
) -> Times:
    """Time each variant in turns, so that a change of the machine's load meets all alike; one turn before is untimed.

    Args:
        variants: Called with the number of the turn, which names the batch: all of them see the same one.
        repeats: Timed turns.
        show: Told what goes on.
    """
    times: Times = {name: {} for name in variants}
    for turn in range(-1, repeats):
        for name, work in variants.items():
            spent = seconds(lambda work=work, turn=turn: work(max(turn, 0)))
            show(f"{name}: {spent:.2f} s" + (" (warm-up)" if turn < 0 else ""))
            if turn >= 0:
                times[name][turn] = spent
    return times


def typical(times: Times) -> dict[str, float]:
    """Median seconds of each variant."""
    return {name: median(spent.values()) for name, spent in times.items()}


def ratio(times: Times, a: str, b: str) -> float:
    """Median, over the turns of both, of the time of ``a`` over that of ``b`` in the same turn."""
    return median(times[a][turn] / times[b][turn] for turn in times[a] if turn in times[b])


def last_line(script: str, *options: str) -> dict[str, Any]:
    """What a fresh process of ``script`` prints last, as JSON."""
    command = [sys.executable, script, *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


class Phases:
    """Exclusive seconds by phase: what runs inside another phase counts for the inner one alone."""

    def __init__(self) -> None:
        """Nothing spent so far."""
        self.spent: dict[str, float] = {}
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of the block for ``name``."""
        self._switch()
        self._open.append(name)
        try:
            yield
        finally:
            self._switch()
            self._open.pop()

    def watch(self, stack: ExitStack, owner: Any, method: str, name: str | Callable[[], str]) -> None:
        """Count every call of ``owner.method`` until the stack closes; a callable name is asked at each call."""
        original = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.phase(name if isinstance(name, str) else name()):
                return original(*args, **kwargs)

        stack.enter_context(patch.object(owner, method, timed))

    def _switch(self) -> None:
        _wait()
        now = time.perf_counter()
        if self._open:
            self.spent[self._open[-1]] = self.spent.get(self._open[-1], 0.0) + now - self._since
        self._since = now


def peak_memory() -> int:
    """Bytes: of the GPU where there is one, else the process's resident memory at its highest."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    status = Path("/proc/self/status")
    if status.exists():
        # Unlike ru_maxrss, not that of the process which started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
