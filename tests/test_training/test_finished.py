"""A run that has ended is left as it is, however often it is told to go on; what a kill left out after it is made."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

import jsarag
from jsarag.display import Silent
from jsarag.files import read_json
from jsarag.training.trainer import Trainer
from tests.test_training.test_run import configured

STILL = ("--optim.lr_prior", "0", "--optim.lr_posterior", "0")
PATIENCE = (*STILL, "--loop.steps", "60", "--loop.eval_every", "1", "--loop.patience", "3")
ENDS = {"early": PATIENCE, "done": ("--loop.steps", "3"), "compute": ("--loop.steps", "null", "--loop.compute", "3000")}
QUICK = ("--evaluation.closed_book", "false", "--evaluation.limit", "2")


class Lines(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def contents(run: Path) -> dict[str, str]:
    """SHA-256 of every file, by path inside the folder."""
    files = [path for path in run.rglob("*") if path.is_file()]
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


LOST = [("summary.json", "report.html"), ("evaluation/after.json", "summary.json"), ("report.html",)]
"""Files that a kill between the last step and the end of the run leaves unwritten."""


@pytest.mark.parametrize("end", ENDS)
def test_a_finished_run_stays_as_it_is_and_gets_only_what_a_kill_left_out(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    run = tmp_path / "run"
    summary = jsarag.train(configured(options, *QUICK, *ENDS[end]))
    before = contents(run)

    def none(_: Trainer) -> dict[str, float | None]:
        raise AssertionError("a step was taken")

    monkeypatch.setattr(Trainer, "_step", none)
    for _ in range(3):
        display = Lines()
        assert jsarag.resume(run, display=display) == summary
        assert contents(run) == before
        assert len(display.said) == 1
        assert "finished" in display.said[0]
    lock = {".lock": before[".lock"]}  # names whoever worked in the folder last
    for names in LOST:
        for name in names:
            (run / name).unlink()
        assert jsarag.resume(run) == summary == read_json(run / "summary.json")
        assert contents(run) | lock == before
    # The report of an interruption before.
    (run / "report.html").write_text("older")
    os.utime(run / "report.html", (0, 0))
    jsarag.resume(run)
    assert contents(run) | lock == before
