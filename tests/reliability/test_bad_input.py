"""A spread part of the attack with bad inputs, the fuzzed readers, and the recorded terminal."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.hostile import fuzz, recording
from tests.reliability.hostile.attack import Outcome, faults, tree
from tests.reliability.hostile.case import Case
from tests.reliability.hostile.tables import cases

ROOT = Path(__file__).parents[2]
LINE = "jsarag: bad.jsonl:2: not valid JSON\n"


def process(*words: str) -> subprocess.CompletedProcess[str]:
    """A command of this repository in a process of its own."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize("options", [("--sample", "50"), pytest.param((), marks=pytest.mark.slow)])
def test_bad_inputs_are_one_line_and_change_nothing(options: tuple[str, ...]) -> None:
    done = process("-m", "tests.reliability.hostile", *options)
    assert done.returncode == 0, done.stderr
    assert "| all | 50 | 50 |" in done.stdout or not options


def test_there_are_at_least_600() -> None:
    kinds = [case.kind for case in cases()]
    assert len(kinds) >= 600
    assert all(kinds.count(kind) >= 10 for kind in kinds)


@pytest.mark.parametrize(
    ("status", "err", "told"),
    [
        (2, LINE, ""),
        (0, LINE, "STATUS"),
        (1, LINE, "STATUS"),
        (None, LINE, "HANGS"),
        (2, "", "LINES"),
        (2, LINE + LINE, "LINES"),
        (2, f"Traceback (most recent call last):\n{LINE}", "TRACEBACK"),
        (2, "jsarag: bad.jsonl\x1b[2J\n", "ESCAPES"),
        (2, "jsarag: something is wrong\n", "UNNAMED"),
        (2, f"a.py:1: UserWarning: x\n{LINE}", "WARNING"),
    ],
)
def test_what_is_not_as_promised_is_found(status: int | None, err: str, told: str) -> None:
    found = faults(Case("kind", "name", (), ("bad.jsonl",)), Outcome(status, "", err, 1.0, 1 << 20))
    assert [fault.split()[0] for fault in found if told not in fault] == []
    assert bool(found) == bool(told)


def test_what_is_left_over_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a")
    os.mkfifo(tmp_path / "pipe")
    before = tree(tmp_path)
    assert tree(tmp_path) == before
    for change in (lambda: (tmp_path / "file").write_text("b"), (tmp_path / ".left").touch):
        change()
        assert tree(tmp_path) != before
        before = tree(tmp_path)


MISTAKES = {
    "ask --run runs/nope who": "runs/nope: no such folder",
    "serve runs/nope": "runs/nope: no such folder",
    "serve ./nope": "nope: not a run folder (no such folder)",
    "train --from ./nope": "nope: not a run folder (no such folder)",
    "index --passages nope.jsonl --out x": "nope.jsonl: no such file",
    "train --config nope.yaml": "nope.yaml: no such file",
    "trian": "no command 'trian'",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_slip_of_the_finger_waits_for_no_package(words: str) -> None:
    ended = "print('torch' in sys.modules); sys.exit(status)"
    code = f"import sys; from jsarag.cli.main import main; status = main(sys.argv[1:]); {ended}"
    done = process("-c", code, *words.split())
    assert (done.returncode, done.stdout) == (2, "False\n")
    assert done.stderr.startswith(f"jsarag: {MISTAKES[words]}")
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_waits_for_no_package(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = process("-m", "jsarag.cli.main", "serve", str(tmp_path), "--port", str(port))
    assert (done.returncode, done.stderr) == (
        2, f"jsarag: --port: {port} is taken at 127.0.0.1; name another, or 0 for any free one\n",
    )  # fmt: skip


@pytest.mark.parametrize("words", [("data", "chekc", "x.csv"), ("split", "nope.csv"), ("train", "--loop.spets", "1")])
def test_other_mistakes_of_real_processes(words: tuple[str, ...]) -> None:
    done = process("-m", "jsarag.cli.main", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("jsarag: ")
    assert done.stderr.count("\n") == 1
    assert "did you mean" in done.stderr or "no such file" in done.stderr


@pytest.mark.parametrize("name", fuzz.TARGETS)
def test_readers_bear_any_bytes(name: str) -> None:
    read, refused = fuzz.fuzz(name, 60)
    assert refused > 0 or name == "kinds of documents"  # bytes of no other kind are text
    assert read + refused >= 60


def test_the_recorded_terminal_was_steered_by_nothing() -> None:
    head, *events = (json.loads(line) for line in recording.CAST.read_text(encoding="utf-8").splitlines())
    assert head["version"] == 2
    text = "".join(piece for _, kind, piece in events if kind == "o")
    assert recording.steering(text) == []
    assert all(mark in text for mark in (r"\x1b[2J", r"\u202e", r"\x08", r"\x9b", r"\rjsarag: all is well", "[/red]"))
    assert recording.steering(text + "\x1b[2J") == ["\x1b"]


@pytest.mark.slow
def test_a_terminal_is_steered_by_nothing(tmp_path: Path) -> None:
    text = "".join(piece for _, piece in recording.record(tmp_path))
    assert recording.steering(text) == []
    assert r"\x1b[2J" in text
