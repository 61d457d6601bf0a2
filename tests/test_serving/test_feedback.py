"""Feedback becomes pairs to train on; a line that was accepted is never lost, nor is a line of before."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from jsarag.data import load_examples, read_examples
from jsarag.serving.feedback import Feedback
from jsarag.types import Turn
from tests.test_serving.conftest import Served, Start

LINES: list[dict[str, Any]] = [
    {"question": "where ?", "answer": "in the tower", "thumbs": "up", "passages": ["lamp/red"]},
    {"question": "when ?", "answer": "at nine", "thumbs": "down", "correction": " at seven "},
    {"question": "who ?", "answer": "Tib", "thumbs": "down"},
    {"question": "and ?", "answer": "Ada", "history": [{"role": "user", "text": "who ?"}], "thumbs": None},
    {"question": "what ?", "answer": "", "correction": "a lamp"},
]


def test_feedback_is_read_as_pairs_to_train_on(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "feedback.jsonl"
    served = start(feedback=file)
    ids = []
    for line in LINES:
        response = httpx.post(f"{served.url}/feedback", json=line)
        assert response.status_code == 201
        ids.append(response.json()["id"])
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["id"] for row in rows] == ids
    reading = read_examples(file, passage_ids={"lamp/red"})
    assert reading.problems == []
    pairs = reading.items
    assert [(pair.input, pair.outputs) for pair in pairs] == [
        ("where ?", ("in the tower",)),
        ("when ?", (" at seven ",)),
        ("and ?", ("Ada",)),
        ("what ?", ("a lamp",)),
    ]
    assert pairs[2].history == (Turn("user", "who ?"),)
    # What was shown is no label.
    assert not any(pair.gold for pair in pairs)
    assert rows[0]["shown"] == ["lamp/red"]
    assert [(row["answer"], row.get("thumbs"), row.get("correction")) for row in rows] == [
        (line["answer"], line.get("thumbs"), line.get("correction")) for line in LINES
    ]
    # The one without an answer is left out, and that is said.
    assert "left out: 1" in reading.said
    assert "(line 3)" in reading.said
    assert load_examples(file) == pairs


@pytest.mark.parametrize(
    ("more", "field"),
    [({"question": " "}, "question"), ({"thumbs": "sideways"}, "thumbs"), ({"history": [{"role": "user"}]}, "history")],
)
def test_what_is_no_feedback_is_refused(served: Served, more: dict[str, Any], field: str) -> None:
    response = httpx.post(f"{served.url}/feedback", json={**LINES[0], **more})
    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith(field)


def test_a_torn_line_is_put_aside_and_an_unended_one_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    feedback = Feedback(file)
    feedback.add({"question": "a", "answer": "b"})
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"question": "torn", "ans')
    feedback.add({"question": "c", "answer": "d"})
    assert file.read_bytes().startswith(whole)
    assert [json.loads(line)["question"] for line in file.read_text().splitlines()] == ["a", "c"]
    assert (tmp_path / "feedback.jsonl.torn").read_text() == '{"question": "torn", "ans\n'
    file.write_bytes(file.read_bytes() + b'{"question": "typed", "answer": "by hand"}')
    feedback.add({"question": "e", "answer": "f"})
    assert [pair.input for pair in load_examples(file)] == ["a", "c", "typed", "e"]


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    writers = [Feedback(file) for _ in range(3)]  # as several servers have their own
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda i: writers[i % 3].add({"question": str(i), "answer": "a" * 5000}), range(60)))
    found = [json.loads(line)["question"] for line in file.read_text().splitlines()]
    assert sorted(map(int, found)) == list(range(60))


def test_what_cannot_be_written_is_not_accepted_and_leaves_nothing(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "feedback.jsonl"
    served = start(feedback=file)
    httpx.post(f"{served.url}/feedback", json=LINES[0]).raise_for_status()
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        response = httpx.post(f"{served.url}/feedback", json=LINES[1])
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "the feedback could not be kept: No space left on device"
    assert file.read_bytes() == before
    httpx.post(f"{served.url}/feedback", json=LINES[1]).raise_for_status()
    assert len(file.read_text().splitlines()) == 2
