"""Two processes under torchrun: the same run as one process, shared search, interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch.testing import assert_close

import jsarag
from jsarag.cli.main import main
from jsarag.files import read_json
from jsarag.kb import KnowledgeBase
from jsarag.training import checkpoint
from tests.test_training import notified
from tests.test_training.test_run import configured, curve
from tests.weights import weights

CHECKS = Path(__file__).parent / "two_processes.py"
UNTIL_ASKED = Path(__file__).parent / "until_asked.py"
LAUNCH = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
BM25 = ("--candidates.source", "bm25", "--candidates.weight", "0.1")
NO_ANSWERS = ("--evaluation.answers", "false", "--evaluation.closed_book", "false")

ROOT = Path(__file__).parents[2]


def launched(*command: str, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    return subprocess.Popen(
        [*LAUNCH, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options
    )


def finished(process: subprocess.Popen[str]) -> str:
    """Standard output of a process that must succeed."""
    out, error = process.communicate(timeout=240)
    assert process.returncode == 0, error
    return out


def same(one: Any, other: Any, **tolerances: Any) -> None:
    """Equal values of the same structure, numbers within rounding."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            # What prompts begin with in common is read once a process.
            same(
                one[key], pytest.approx(other[key], rel=0.05) if key.startswith("tokens") else other[key], **tolerances
            )
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b, **tolerances)
    else:
        assert one == (pytest.approx(other, **tolerances) if isinstance(one, float) else other)


def test_shared_work_equals_that_of_one_process() -> None:
    out = finished(launched(str(CHECKS)))
    assert sorted(out.split()) == ["done0", "done1"]


@pytest.mark.parametrize(
    "more",
    [
        ("--objective.cache", "true"),
        ("--objective.name", "rag-sequence", "--loop.accumulate", "2"),
        ("--passages.encoder", "own", "--passages.rebuild_every", "3", "--loop.share_candidates", "true", *BM25),
    ],
    ids=["jsa", "rag-sequence", "passages"],
)
def test_two_processes_take_the_steps_of_one(more: tuple[str, ...], options: list[str], tmp_path: Path) -> None:
    one, two = tmp_path / "run", tmp_path / "two"
    # Adam takes a full step for the smallest gradient, so rounding shows in proportion to the rate.
    options = ["--index.kind", "flat", *options, "--optim.lr_generator", "0.001", *more]
    if more[0] == "--objective.name":
        options = _without(options, "--objective.m")
    process = launched("-m", "jsarag", "train", *options, "--out", str(two))
    jsarag.train(configured(options))
    finished(process)
    same(curve(two), curve(one), rel=2e-3, abs=2e-4)
    for name in ("last", "best"):
        (a, step), (b, other) = (checkpoint.locate(run, name) for run in (one, two))
        assert step == other
        ours, others = (weights(folder) for folder in (a, b))
        for key, weight in ours.items():
            assert_close(weight, others[key], atol=2e-4, rtol=1e-3)
    for when in ("before", "after"):
        ours, theirs = (read_json(run / "evaluation" / f"{when}.json") for run in (one, two))
        same(ours, theirs, abs=1e-3)
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}


def test_interrupted_processes_leave_a_checkpoint_that_one_process_goes_on_from(
    options: list[str], tmp_path: Path
) -> None:
    jsarag.train(configured(options, *NO_ANSWERS))
    two = tmp_path / "two"
    command = (str(UNTIL_ASKED), "train", *options, *NO_ANSWERS, "--loop.eval_every", "1", "--out", str(two))
    process = launched(*command)
    assert notified.holds(lambda: checkpoint.exists(two, "last"), tmp_path, process), process.communicate()[1]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode != 0
    step = checkpoint.locate(two, "last")[1]
    assert step == 1
    assert jsarag.resume(two) is not None
    wanted, found = ([row for row in curve(run) if row["kind"] == "step"] for run in (tmp_path / "run", two))
    same(found, wanted, rel=2e-3, abs=2e-4)


def test_index_command_encodes_in_parts(options: list[str], data: Path, encoder_model: Path, tmp_path: Path) -> None:
    words = ["index", "--passages", str(data / "passages.jsonl"), "--encoder.model", str(encoder_model)]
    words += ["--encoder.precision", "fp32", "--out"]
    process = launched("-m", "jsarag", *words, str(tmp_path / "two"))
    assert main([*words, str(tmp_path / "one")]) == 0
    finished(process)
    one, two = (KnowledgeBase.load(tmp_path / name) for name in ("one", "two"))
    assert_close(one.vectors, two.vectors)
    assert one.passages == two.passages
    assert json.loads((tmp_path / "one" / "manifest.json").read_text()) == read_json(tmp_path / "two" / "manifest.json")


def _without(words: list[str], option: str) -> list[str]:
    place = words.index(option)
    return words[:place] + words[place + 2 :]
