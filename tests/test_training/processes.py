"""Real processes that run the command line, and can be hit by a signal at a certain operation on files.

The processes are forked from a server that has imported everything, which saves seconds each.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.test_training import notified

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["jsarag.cli.train", "sentence_transformers", "peft", "torch.utils.tensorboard"])

OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
"""Audit events of Python that change files, or open them."""


@dataclass
class Command:
    """A command under way."""

    process: Any
    log: Path

    def ended(self, seconds: float = 240) -> int:
        """Exit status, negative for a signal, once it is over."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, f"still running: {self.said}"
        return int(self.process.exitcode)

    @property
    def said(self) -> str:
        """What it wrote to both outputs so far."""
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, condition: Callable[[], bool], folder: Path) -> bool:
        """Until the condition on files below the folder holds, or the command ends; whether the condition holds."""
        return notified.holds(condition, folder, self.process)


@dataclass
class Pair(Command):
    """Two processes that share the work of one; the first one, which writes, is the one looked at."""

    second: Command

    def ended(self, seconds: float = 240) -> int:
        """Exit status of the first; the second is killed where the first was."""
        status = super().ended(seconds)
        if status:
            self.second.process.kill()
        assert status or self.second.ended(seconds) == 0, self.second.said
        self.second.process.join(seconds)
        return status


def begin_two(
    log: Path, argv: Sequence[str], *, signal: int = 0, at: int | str = 0, under: Path | None = None
) -> Command:
    """As `begin`, in two processes as torchrun starts them; the signal is the first one's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    first, second = (place | {"RANK": rank, "LOCAL_RANK": rank} for rank in "01")
    other = begin(log.with_name(f"{log.stem}-second.log"), argv, environment=second)
    one = begin(log, argv, signal=signal, at=at, under=under, environment=first)
    return Pair(one.process, one.log, other)


def begin(
    log: Path,
    argv: Sequence[str],
    *,
    signal: int = 0,
    at: int | str = 0,
    under: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Command:
    """Start ``jsarag`` with these words.

    Args:
        log: File for both outputs; the number of operations goes to one of the same name with ``.count``.
        argv: The words after ``jsarag``.
        signal: Sent by the process to itself just before an operation on files; 0: none.
        at: Which, counted from 1; or the first whose path contains a text.
        under: The folder whose files count.
        environment: Variables that are set.
    """
    place = str(under) if under else ""
    process = FORKS.Process(target=_run, args=(str(log), list(argv), signal, at, place, dict(environment or {})))
    process.start()
    return Command(process, log)


def _run(
    log: str,
    argv: list[str],
    signal: int,
    at: int | str,
    under: str,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> None:
    import torch

    from jsarag.cli.main import main

    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for output in (1, 2):
        os.dup2(file, output)
    sys.stdout, sys.stderr = (os.fdopen(output, "w", buffering=1, closefd=False) for output in (1, 2))
    torch.set_num_threads(1)
    count, sent = 0, False

    def watch(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count, sent
        if event in OPERATIONS and str(args[0]).startswith(under):
            count += 1
            here = at in str(args[0]) if isinstance(at, str) else at == count
            if signal and here and not sent:
                sent = True
                os.kill(os.getpid(), signal)

    if under:
        sys.addaudithook(watch)
    status = main(argv)
    under = "\0"
    Path(log).with_suffix(".count").write_text(str(count))
    sys.exit(status)
