"""Processes that read files side by side, in the order of the files; one that dies or hangs is replaced."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import jsarag
from jsarag.documents.measure import Measure

AHEAD = 4
"""Files a process that are read before those before them are written."""
Reply = dict[str, Any]


class Worker:
    """One process; it is started when it is first asked."""

    def __init__(self, measure: Measure, seconds: float) -> None:
        """Take what its process is told first."""
        self._settings = _line({"measure": asdict(measure), "seconds": seconds})
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: Mapping[str, Any]) -> Reply:
        """Read a file; see `jsarag.documents.reading.reply`."""
        process, told = self._process, b""
        if process is None:
            process, told = self._start(), self._settings
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(told + _line(request))
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            why = self._why(process.wait())
            self.close()
            return {"error": why}
        found: Reply = json.loads(line)
        if found.pop("last"):
            self.close()
        return found

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):  # what could not be sent
                    pipe.close()  # type: ignore[union-attr]

    def _start(self) -> subprocess.Popen[bytes]:
        # Modules are found where this process finds them, and never (-P) in the folder where it runs.
        path = os.pathsep.join([str(Path(jsarag.__file__).parents[1]), *filter(None, sys.path)])
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "jsarag.documents.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path, "TOKENIZERS_PARALLELISM": "false"},
            start_new_session=True,  # Ctrl-C is for this process, which ends the others
        )
        return self._process

    def _why(self, status: int) -> str:
        if status == -signal.SIGALRM:
            return f"takes longer than {self._seconds:g} s"
        if status == -signal.SIGKILL:
            return "needs too much memory"  # the system ends what takes the last of it
        return f"its parser crashed ({signal.Signals(-status).name if status < 0 else f'exit status {status}'})"


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def read_all(
    requests: Iterable[Mapping[str, Any]], measure: Measure, processes: int, seconds: float
) -> Generator[Reply, None, None]:
    """The replies to requests, in their order; few are held at a time."""
    workers = [Worker(measure, seconds) for _ in range(processes)]
    idle: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def ask(request: Mapping[str, Any]) -> Reply:
        worker = idle.get()
        try:
            return worker.ask(request)
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(processes)
    waiting: deque[Future[Reply]] = deque()
    try:
        for request in requests:
            waiting.append(pool.submit(ask, request))
            if len(waiting) >= AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for last in (False, True):  # a worker may be started while the first ones are ended
            pool.shutdown(wait=last, cancel_futures=True)
            for worker in workers:
                worker.close()
