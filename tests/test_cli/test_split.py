"""``jsarag split``: what is told of a question log, and the files that are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsarag.audit.gains import MEASURED, enough
from jsarag.cli.main import main
from jsarag.data import load_examples, read_examples
from jsarag.data.split import split
from jsarag.files import read_json, write_jsonl
from jsarag.kb import SAMPLE
from jsarag.types import Example, Turn


def test_the_files_are_the_split_of_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, log = tmp_path / "pairs", SAMPLE / "train.jsonl"
    assert main(["split", str(log), "--passages", str(SAMPLE / "passages.jsonl"), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    reading = read_examples(log)
    expected = split(reading.items, reading.dialogs)
    for name in ("train", "dev", "test"):
        assert load_examples(out / f"{name}.jsonl") == getattr(expected, name)
    assert read_json(out / "split.json")["dev"] == len(expected.dev)
    assert f"{len(expected.train):,} train, {len(expected.dev):,} dev, {len(expected.test):,} test pairs" in shown
    assert "answers that stand word for word in no passage: " in shown
    assert f"next: jsarag train --data.passages {SAMPLE / 'passages.jsonl'} --data.train {out / 'train.jsonl'}" in shown
    assert main(["split", str(log), "--out", str(out)]) == 0  # a folder of its own is replaced


def test_contradictions_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.csv"
    log.write_text("question,answer\nMay I?,yes\nWhy?,so\nmay I,no\nMay I?,Yes!\n")
    assert main(["split", str(log)]) == 0
    shown = capsys.readouterr().out
    assert "questions that were answered otherwise before: 1 of 4: line 4 (first 2)" in shown
    assert "nothing held out: 4 pairs are fewer than 50" in shown
    assert "4 training pairs: too few to learn from" in shown


def test_the_same_question_after_other_turns_is_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.jsonl"
    pairs = [
        Example(str(i), "And when?", (y,), history=(Turn("user", x), Turn("assistant", "here")))
        for i, (x, y) in enumerate([("Where is tea?", "at five"), ("Where is dinner?", "at eight")])
    ]
    write_jsonl(log, (pair.record() for pair in pairs))
    assert load_examples(log) == pairs
    assert main(["split", str(log)]) == 0
    assert "answered otherwise before: 0 of 2\n" in capsys.readouterr().out


def test_nothing_of_others_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train.jsonl").write_text("{}")
    assert main(["split", str(SAMPLE / "train.jsonl"), "--out", str(tmp_path / "mine")]) == 2
    assert "exists and is not a folder made by `jsarag split`" in capsys.readouterr().err
    assert (tmp_path / "mine" / "train.jsonl").read_text() == "{}"
    assert main(["split", str(tmp_path / "none.csv")]) == 2


def test_what_is_enough_goes_by_what_was_measured() -> None:
    assert [gain.pairs for gain in MEASURED] == sorted(gain.pairs for gain in MEASURED)
    assert enough(49).startswith("too few")
    assert enough(607).startswith("fewer than the 608")
    assert enough(1_490).endswith("the bundled sample, dstc11")


def test_the_gains_are_those_of_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for gain in MEASURED:
        for figure in (*gain.retrieval, *gain.answers):
            assert f"{figure:.1f}" in readme + (Path(__file__).parents[2] / "experiments/answers/README.md").read_text()
