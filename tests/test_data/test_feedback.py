"""Logs in which people judged answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsarag.data import read_examples
from jsarag.data.shapes.feedback import REFUSED_ANSWER
from jsarag.files import write_jsonl


def log(folder: Path, text: str) -> Path:
    file = folder / "log.csv"
    file.write_text(text)
    return file


def test_a_correction_takes_the_place_of_the_answer(tmp_path: Path) -> None:
    found = read_examples(
        log(tmp_path, "question,answer,rating,corrected_answer\nwho?,me,up,\nwhen?,now,down,later\nwhy?,so,down,\n")
    )
    assert [(e.input, e.outputs) for e in found.items] == [("who?", ("me",)), ("when?", ("later",))]
    assert [len(places) for places in found.left_out.values()] == [1]
    assert REFUSED_ANSWER in found.said
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (("1", "-1", "0"), [0, 2]),  # 0 is between the two
        (("1", "0", ""), [0, 2]),  # 0 is the lower
        (("1.0", "0.0", "nan"), [0, 2]),
        (("👍", "👎", "👍"), [0, 2]),
        (("Thumbs up", "Thumbs down", "thumbs_up"), [0, 2]),
        (("True", "False", "True"), [0, 2]),
        (("5", "1", "3"), [0, 1, 2]),  # stars are no thumbs
        (("nice", "down", "up"), [0, 1, 2]),  # comments neither
    ],
)
def test_thumbs_are_known_by_their_values(tmp_path: Path, values: tuple[str, ...], kept: list[int]) -> None:
    rows = "".join(f"q{i},a{i},{value}\n" for i, value in enumerate(values))
    found = read_examples(log(tmp_path, f"query,reply,feedback\n{rows}"))
    assert [e.input for e in found.items] == [f"q{i}" for i in kept]


def test_values_of_json_are_thumbs_too(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    write_jsonl(file, [{"question": f"q{i}", "answer": "a", "liked": liked} for i, liked in enumerate([True, False])])
    assert [e.input for e in read_examples(file).items] == ["q0"]
