"""One process works in a run folder at a time; a killed one leaves it free."""

from __future__ import annotations

import os
import platform
import signal
from pathlib import Path

import pytest

from jsarag.display import Silent
from jsarag.files import read_json
from jsarag.run import lock
from jsarag.training import checkpoint
from jsarag.types import InputError
from tests.test_training.processes import begin
from tests.test_training.test_finished import contents

SHORT = ("--loop.eval_every", "1", "--evaluation.closed_book", "false", "--evaluation.limit", "2")


def test_a_second_run_in_the_same_folder_is_refused_with_the_name_of_the_first(
    options: list[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    # So many steps that the first is at work until it is killed.
    words = ["train", *options, *SHORT, "--loop.steps", "100000"]
    first = begin(tmp_path / "first.log", words)
    assert first.wait_for(lambda: checkpoint.exists(run, "last"), tmp_path), first.said
    others = [begin(tmp_path / "new.log", words), begin(tmp_path / "resume.log", ["train", "--resume", str(run)])]
    for other in others:
        assert other.ended() == 2
        lines = [line for line in other.said.splitlines() if line.startswith("jsarag:")]
        assert len(lines) == 1
        assert f"process {first.process.pid} on {platform.node()}" in lines[0]
        assert "Traceback" not in other.said
    os.kill(first.process.pid, signal.SIGSTOP)
    before = contents(run)
    late = begin(tmp_path / "late.log", ["train", "--resume", str(run)])
    assert late.ended() == 2
    assert contents(run) == before
    os.kill(first.process.pid, signal.SIGKILL)
    assert first.ended() == -signal.SIGKILL
    with lock.held(run, Silent()):
        assert str(os.getpid()) in lock.holder(run)


def test_of_two_that_begin_at_once_in_a_new_folder_one_does_the_run(options: list[str], tmp_path: Path) -> None:
    words = ["train", *options, *SHORT, "--loop.steps", "3"]
    both = [begin(tmp_path / f"{name}.log", words) for name in ("a", "b")]
    assert sorted(command.ended() for command in both) == [0, 2]
    assert read_json(tmp_path / "run" / "summary.json")["run"]["steps"] == 3
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len([row for row in rows if '"kind": "step"' in row]) == 3


def test_the_lock_is_free_again_after_an_error_and_a_link_is_not_followed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock.held(tmp_path, Silent()):
        with pytest.raises(InputError, match="another run works in this folder"), lock.held(tmp_path, Silent()):
            pass
        raise ZeroDivisionError
    with lock.held(tmp_path, Silent()):
        pass
    (tmp_path / "other").mkdir()
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "other" / lock.FILE).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError), lock.held(tmp_path / "other", Silent()):
        pass
    assert (tmp_path / "precious").read_text() == "kept"
