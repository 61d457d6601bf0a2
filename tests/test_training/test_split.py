"""Runs without dev and test: what is held out is said, trained without, and the same for every seed and limit."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

import jsarag
from jsarag.files import read_jsonl
from jsarag.run.data import read, shared
from tests import tiny, world
from tests.test_training.test_run import configured

QUICK = ("--evaluation.before", "false", "--evaluation.answers", "false", "--evaluation.closed_book", "false")
LINE = "no dev or test given: held out 6 dev and 6 test of 60 pairs (near-duplicate questions kept on one side)"


class Told:
    """A display that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.task = jsarag.display.Silent().task

    def say(self, text: str) -> None:
        self.lines.append(text)


def bare(options: list[str], folder: Path) -> list[str]:
    """The options with 60 training pairs whose questions differ, and neither dev nor test pairs."""
    rng, words = random.Random(0), [word for word in tiny.WORDS.split() if word.isalpha()]
    rows = [
        {"id": str(i), "input": " ".join(rng.sample(words, 8)), "outputs": [str(i % 10)], "gold": ["lamp/red"]}
        for i in range(60)
    ]
    file = world.lines(folder / "all.jsonl", rows)
    return [*options, "--data.train", str(file), "--data.dev", "null", "--data.test", "null"]


def test_a_run_trains_on_what_is_left_and_measures_what_is_held_out(options: list[str], tmp_path: Path) -> None:
    told = Told()
    config = configured(bare(options, tmp_path), *QUICK)
    summary = jsarag.train(config, display=told)
    assert summary is not None
    assert told.lines[2].startswith(LINE)
    found = read(config.data)
    assert found.split is not None
    assert summary["run"]["split"] == {"text": str(found.split), "train": 48, "dev": 6, "test": 6}
    run = tmp_path / "run"
    assert LINE in (run / "report.html").read_text()
    assert summary["run"]["checkpoint"]["name"] == "best"
    rows = [row["id"] for _, row in read_jsonl(run / "evaluation" / "after.jsonl")]
    assert rows == [e.id for e in found.test]
    kept = json.loads((run / "fingerprints.json").read_text())["data"]
    assert {name: kept[name]["rows"] for name in ("train", "dev", "test")} == {"train": 48, "dev": 6, "test": 6}


def test_what_is_held_out_is_the_same_for_every_seed_and_limit(options: list[str], tmp_path: Path) -> None:
    config = configured(bare(options, tmp_path))
    other = replace(config, loop=replace(config.loop, seed=7), data=replace(config.data, limit=20))
    first, second = read(config.data), read(other.data)
    assert (first.dev, first.test) == (second.dev, second.test)
    assert second.train == first.train[:20]


@pytest.mark.parametrize("more", [("--data.split", "none"), ("--data.dev", "dev"), ("--data.test", "dev")])
def test_nothing_is_held_out_where_it_is_not_asked_for(
    options: list[str], data: Path, tmp_path: Path, more: tuple[str, str]
) -> None:
    option, value = more[0], str(data / "dev.jsonl") if more[1] == "dev" else more[1]
    found = read(configured(bare(options, tmp_path), option, value).data)
    assert (len(found.train), found.split) == (60, None)


def test_a_few_pairs_are_trained_on_as_they_are(options: list[str], tmp_path: Path) -> None:
    told = Told()
    config = configured(options, *QUICK, "--data.dev", "null", "--data.test", "null", "--loop.steps", "1")
    summary = jsarag.train(config, display=told)
    assert summary is not None
    line = "no dev or test given, and nothing held out: 24 pairs are fewer than 50"
    assert line in told.lines
    assert summary["run"]["split"] == {"text": line, "train": 24, "dev": 0, "test": 0}
    assert summary["run"]["checkpoint"]["name"] == "last"


def test_pairs_on_two_sides_are_told_and_stand_in_the_summary(options: list[str], data: Path, tmp_path: Path) -> None:
    train = [row for _, row in read_jsonl(data / "train.jsonl")]
    dev = world.lines(tmp_path / "dev.jsonl", [{**row, "id": f"other {i}"} for i, row in enumerate(train[:2])])
    more = ("--data.dev", str(dev), "--data.test", str(data / "train.jsonl"), "--loop.steps", "1")
    told = Told()
    summary = jsarag.train(configured(options, *QUICK, *more), display=told)
    assert summary is not None
    lines = [
        "data.dev: 2 of 2 pairs are train pairs too, so that the best checkpoint is chosen by pairs that it was "
        "trained on",
        "data.test: 24 of 24 pairs are train pairs too, so that the figures tell what was learned by heart",
        "data.dev: 2 of 2 pairs are test pairs too, so that the best checkpoint is chosen by pairs that it is "
        "measured on",
    ]
    assert told.lines[4:7] == [f"warning: {line}" for line in lines]
    assert summary["run"]["warnings"] == lines
    assert lines[0] in (tmp_path / "run" / "report.html").read_text()


def test_pairs_on_one_side_each_are_no_warning(options: list[str]) -> None:
    assert shared(read(configured(options).data)) == []
