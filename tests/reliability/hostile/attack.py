"""Runs a command on a bad input in a process of its own, and tells everything that is not as promised."""

from __future__ import annotations

import hashlib
import math
import os
import re
import resource
import select
import signal
import stat
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from jsarag.cli.main import main
from tests.reliability.hostile.case import Case

GIB = 1 << 30
MEMORY = 4 * GIB
"""What a command may use beside what its process began with."""
STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

WAITS = 6
"""How many times as long as it may work a command may wait: other processes may be at work."""

Tree = dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Outcome:
    """What came of a command.

    Attributes:
        status: Its exit status; minus the signal that ended it; None: it was ended because it took too long.
        out: Its standard output.
        err: Its standard error.
        seconds: Of a processor that it took.
        peak: The most memory it held, in bytes.
    """

    status: int | None
    out: str
    err: str
    seconds: float
    peak: int


def command(
    argv: tuple[str, ...],
    folder: Path,
    seconds: float = 60.0,
    env: Mapping[str, str] = MappingProxyType({}),
    stdin: bytes | None = b"",
) -> Outcome:
    """Run ``jsarag`` in a fork of this process, which has imported all that takes long, and has no other thread."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin or b"")
        given.seek(0)
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            try:
                os.setsid()
                for number, file in enumerate((given, out, err)):
                    os.dup2(file.fileno(), number)
                if stdin is None:
                    os.close(0)
                status = _child(argv, folder, env, seconds)
            except BaseException:
                traceback.print_exc()
                status = 70
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        ended = os.pidfd_open(child)
        in_time = bool(select.select([ended], [], [], WAITS * seconds)[0])
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # the command, or what it left behind
        _, state, usage = os.wait4(child, 0)
        os.close(ended)
        status = os.waitstatus_to_exitcode(state)
        in_time &= status not in (-signal.SIGXCPU, -signal.SIGKILL)
        taken = usage.ru_utime + usage.ru_stime
        return Outcome(status if in_time else None, _text(out), _text(err), taken, usage.ru_maxrss << 10)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "surrogateescape")


def _child(argv: tuple[str, ...], folder: Path, env: Mapping[str, str], seconds: float) -> int:
    most = _mapped() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (until, until))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(folder)
    os.environ.update(env)
    tempfile.tempdir = str(folder / "tmp")
    try:
        return main(list(argv))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1


def _mapped() -> int:
    """The address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def tree(folder: Path) -> Tree:
    """All that lies in a folder: mode, and content, target of a link or kind."""
    found: Tree = {}
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            held = str(path.readlink())
        elif stat.S_ISREG(mode) and os.access(path, os.R_OK):
            with path.open("rb") as file:
                held = hashlib.file_digest(file, "sha256").hexdigest()
        else:
            held = ""
        found[str(path.relative_to(folder))] = mode, held
    return found


def attack(case: Case, folder: Path, seconds: float) -> tuple[Outcome, list[str]]:
    """Put the bad input into a copy of the stand, run the command; what came of it, and all that must not be."""
    case.put(folder)
    before = tree(folder)
    outcome = command(case.argv, folder, seconds, case.env, case.stdin)
    return outcome, [*faults(case, outcome), *_changed(before, tree(folder))]


def faults(case: Case, outcome: Outcome) -> list[str]:
    """What is not one clear line and exit status 2."""
    if outcome.status is None:
        return [f"HANGS, having worked for {outcome.seconds:.0f} s"]
    if "Traceback (most recent call last)" in outcome.err:
        return [f"TRACEBACK {outcome.err.strip().splitlines()[-1][:300]}"]
    if outcome.status != 2:
        return [f"STATUS {outcome.status}"]
    said = [line for line in outcome.err.split("\n") if line.startswith("jsarag: ")]
    checks: tuple[tuple[bool, Callable[[], str]], ...] = (
        (len(said) != 1, lambda: f"{len(said)} LINES {outcome.err[-300:]!r}"),
        (bool(STEERS.search(outcome.err + outcome.out)), lambda: f"ESCAPES {outcome.err!r}"),
        ("Warning" in outcome.err, lambda: f"WARNING {outcome.err[-300:]!r}"),
        (len(said) == 1 and not any(name in said[0] for name in case.named), lambda: f"UNNAMED {said[0]}"),
        (len(said) == 1 and len(said[0]) > 700, lambda: f"LONG {len(said[0]):,} characters: {said[0][:150]}"),
        (outcome.peak > MEMORY, lambda: f"MEMORY {outcome.peak / GIB:.1f} GiB"),
    )
    return [told() for holds, told in checks if holds]


def _changed(before: Tree, after: Tree) -> list[str]:
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [f"CHANGED {', '.join(changed[:3])}"] if changed else []
