"""Runs that are killed and resumed equal the undisturbed run: weights, chains, record, results, and files.

A run is killed just before one of its operations on files (opening, renaming, removing), or by another process when a
certain row of its record appears, somewhere within a step. `JSARAG_KILLS` says how many kills the long attack makes.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jsarag import checksums
from jsarag.files import read_json, read_jsonl
from jsarag.integrity import inspect
from jsarag.training import checkpoint
from tests.test_training.processes import Command, begin, begin_two
from tests.test_training.test_run import curve

BASE = (
    "--loop.steps", "12", "--loop.eval_every", "3", "--loop.accumulate", "2", "--evaluation.limit", "2",
    "--evaluation.closed_book", "false",
)  # fmt: skip
KINDS: dict[str, tuple[str, ...]] = {
    "cache": ("--objective.cache", "true"),
    "patience": ("--optim.lr_prior", "0", "--optim.lr_posterior", "0", "--loop.patience", "3"),
    "rebuild": ("--passages.encoder", "own", "--passages.rebuild_every", "2"),
    "two processes": (),
    "overlap": ("--passages.encoder", "shared", "--passages.overlap", "0.95", "--passages.check_every", "2"),
}
STARTED: dict[str, Callable[..., Command]] = {"two processes": begin_two}
"""How a kind is started where it is not in one process."""
KILLS = int(os.environ.get("JSARAG_KILLS", "80"))
CLOCK = ("seconds", "rebuild_seconds", "peak_memory_bytes")


def told(run: Path) -> dict[str, Any]:
    """All that a finished run's folder holds, by file, without what the clock, the machine and chance decide.

    Checksums are compared with the files, for they are of all that the clock decides too.
    """
    assert inspect(run).whole, inspect(run)
    found: dict[str, Any] = {}
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        name = str(path.relative_to(run))
        if name.startswith(("tensorboard/", "report.html", ".lock")) or name.endswith(checksums.FILE):
            continue
        found[name] = path.read_bytes()
    found["metrics.jsonl"] = curve(run)
    summary = read_json(run / "summary.json")
    summary["cost"] = {key: value for key, value in summary["cost"].items() if key not in CLOCK}
    found["summary.json"] = summary
    for path in run.glob("checkpoints/*.json"):
        pointer = read_json(path)
        for one in (pointer, pointer.get("previous", {})):
            one.pop("sha256", None)
        found[str(path.relative_to(run))] = pointer
    for path in run.glob("checkpoints/last-*/state.json"):
        state = read_json(path)
        for key in (*CLOCK, "record"):
            del state["state"][key]
        found[str(path.relative_to(run))] = state
    # Which names the folder of the run, and the run by chance.
    settings = found["config.yaml"].splitlines()
    found["config.yaml"] = b"\n".join(line for line in settings if not line.startswith((b"out:", b"# jsarag: run ")))
    return found


class Whole:
    """The undisturbed run of a kind: its folder's content and how many operations on files it takes."""

    def __init__(self, options: list[str], folder: Path, begin: Callable[..., Command] = begin) -> None:
        self.words, self.begin = ["train", *options], begin
        command = begin(folder / "whole.log", [*self.words, "--out", str(folder / "whole")], under=folder)
        assert command.ended() == 0, command.said
        self.operations = int((folder / "whole.count").read_text())
        self.told = told(folder / "whole")
        self.rows = len((folder / "whole" / "metrics.jsonl").read_text().splitlines())


@pytest.fixture(scope="module")
def whole(
    data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Whole]:
    from tests import world

    made: dict[str, Whole] = {}

    def make(kind: str) -> Whole:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            options = [*world.options(data, encoder_model, causal_model, folder / "x"), *BASE, *KINDS[kind]]
            made[kind] = Whole(options, folder, STARTED.get(kind, begin))
        return made[kind]

    return make


def rows(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def killed(expected: Whole, folder: Path, draw: random.Random, kills: int) -> int:
    """Begin a run, kill it so many times, cut a line now and then, let it end; it must equal the expected one.

    Returns how many of the kills came before the run's end.
    """
    run, story, hit = folder / "run", [], 0
    for number in range(kills):
        # Before anything is in the folder there is nothing to resume.
        begun = (run / "config.yaml").exists()
        words = ["train", "--resume", str(run)] if begun else [*expected.words, "--out", str(run)]
        log = folder / f"{number}.log"
        if draw.random() < 0.7:
            at = draw.randint(1, expected.operations)
            story.append(f"operation {at}")
            command = expected.begin(log, words, signal=signal.SIGKILL, at=at, under=folder)
        else:
            at = draw.randint(1, expected.rows)
            story.append(f"row {at}")
            command = expected.begin(log, words)
            command.wait_for(lambda at=at: rows(run) >= at, folder)  # type: ignore[misc]
            os.kill(command.process.pid, signal.SIGKILL)
        status = command.ended()
        assert status in (0, -signal.SIGKILL), (story, command.said)
        hit += bool(status)
        if status == 0 and not (run / "summary.json").exists():
            raise AssertionError((story, command.said))
        metrics = run / "metrics.jsonl"
        if status and metrics.exists() and not (run / "summary.json").exists() and draw.random() < 0.5:
            # What a full disk leaves of the last row that no checkpoint counts on.
            lines, last = metrics.read_bytes().splitlines(keepends=True), saved(run)
            # A line that was cut before may still be there.
            if lines and lines[-1].endswith(b"\n") and read_jsonl(metrics)[-1][1]["step"] > last:
                cut = draw.randint(1, len(lines[-1]) - 1)
                metrics.write_bytes(b"".join(lines[:-1]) + lines[-1][:cut])
                story.append(f"cut {cut}")
    words = ["train", "--resume", str(run)] if (run / "config.yaml").exists() else [*expected.words, "--out", str(run)]
    command = expected.begin(folder / "last.log", words)
    assert command.ended() == 0, (story, command.said)
    found = told(run)
    assert found.keys() == expected.told.keys(), (story, found.keys() ^ expected.told.keys())
    for name, content in expected.told.items():
        assert found[name] == content, (story, name)
    return hit


def saved(run: Path) -> int:
    return checkpoint.locate(run, "last")[1] if checkpoint.exists(run, "last") else -1


@pytest.mark.parametrize(("kind", "seed"), [("cache", 0), ("rebuild", 2)])
def test_a_killed_run_equals_the_undisturbed_one(
    whole: Callable[[str], Whole], tmp_path: Path, kind: str, seed: int
) -> None:
    killed(whole(kind), tmp_path, random.Random(seed), kills=2)


def stopped(expected: Whole, folder: Path, number: signal.Signals, at: int | str) -> None:
    """Begin a run, signal it once, go on; the exit statuses are right and the run equals the expected one."""
    run = folder / "run"
    words = [*expected.words, "--out", str(run)]
    command = begin(folder / "broken.log", words, signal=number, at=at, under=folder)
    assert command.ended() == 128 + number, command.said
    assert f"stopped by {number.name}" in command.said or f"interrupted by {number.name}" in command.said
    assert "Traceback" not in command.said
    if (run / "config.yaml").exists():
        assert f"go on with: jsarag train --resume {run}" in command.said or (run / "summary.json").exists()
        words = ["train", "--resume", str(run)]
    else:
        assert "nothing was saved yet" in command.said
    command = begin(folder / "resumed.log", words)
    assert command.ended() == 0, command.said
    found = told(run)
    assert found.keys() == expected.told.keys()
    for name, content in expected.told.items():
        assert found[name] == content, name


@pytest.mark.parametrize(
    ("number", "at"),
    [
        pytest.param(signal.SIGINT, ".index.", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "last-000006", marks=pytest.mark.slow),
        (signal.SIGTERM, "last-000012"),
        (signal.SIGHUP, "after.jsonl"),
    ],
    ids=["index", "checkpoint", "last checkpoint", "evaluation"],
)
def test_a_signal_is_obeyed_wherever_it_comes(
    whole: Callable[[str], Whole], tmp_path: Path, number: signal.Signals, at: str
) -> None:
    stopped(whole("cache"), tmp_path, number, at)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS // 4))
def test_signals_at_every_operation(whole: Callable[[str], Whole], tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    expected = whole(draw.choice([kind for kind in KINDS if kind not in STARTED]))
    stopped(
        expected,
        tmp_path,
        draw.choice([signal.SIGHUP, signal.SIGINT, signal.SIGTERM]),
        draw.randint(1, expected.operations),
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(KILLS // len(KINDS)))
def test_kills_at_random_and_at_every_operation(
    whole: Callable[[str], Whole], tmp_path: Path, kind: str, seed: int
) -> None:
    killed(whole(kind), tmp_path, random.Random(seed), kills=1 + seed % 3)
