"""The flat table of an evaluation, read back by csv, pyarrow and pandas."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas
import pyarrow.parquet
import pytest

from jsarag.evaluation import write_table
from jsarag.types import InputError

PASSAGES = [
    {"id": "a/1", "title": "Café, “Nord”", "text": "first\nline two", "probability": 0.75},
    {"id": "b", "title": "", "text": "second", "probability": 0.25},
]
ROWS: list[dict[str, Any]] = [
    {
        "id": "1",
        "input": 'who, "there"?',
        "outputs": ["Ada", "Ada Neri"],
        "gold": ["a/1", "b"],
        "grades": [2, 1],
        "passages": PASSAGES,
        "prior/hit@1": 1.0,
        "answer": "Ada\r\nNeri 日本",
        "answers/f1": 2 / 3,
    },
    {"id": "2", "input": "=1+1", "outputs": ["2"], "gold": [], "passages": PASSAGES[1:]},
]
FLAT: list[dict[str, Any]] = [
    {
        "id": "1",
        "input": 'who, "there"?',
        "outputs": "Ada | Ada Neri",
        "gold": "a/1 | b",
        "grades": "2 | 1",
        "passages": "a/1 | b",
        "probabilities": "0.7500 | 0.2500",
        "titles": "Café, “Nord” | ",
        "first_passage": "first\nline two",
        "answer": "Ada\r\nNeri 日本",
        "prior/hit@1": 1.0,
        "answers/f1": 2 / 3,
    },
    {
        "id": "2",
        "input": "=1+1",
        "outputs": "2",
        "gold": "",
        "grades": None,
        "passages": "b",
        "probabilities": "0.2500",
        "titles": "",
        "first_passage": "second",
        "answer": None,
        "prior/hit@1": None,
        "answers/f1": None,
    },
]


def test_csv_is_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    write_table(path, ROWS)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")  # how Excel knows UTF-8
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file, strict=True))
    expected = [{name: "" if value is None else str(value) for name, value in row.items()} for row in FLAT]
    expected[1]["input"] = "'=1+1"  # which no spreadsheet runs
    assert found == expected
    assert list(found[0]) == list(FLAT[0])
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.csv"]


def test_parquet_is_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    write_table(path, ROWS)
    assert pyarrow.parquet.read_table(path).to_pylist() == FLAT


def test_pandas_reads_texts_of_a_csv_as_they_are(tmp_path: Path) -> None:
    """With the options that the documentation names: null, NA and 007 stay, what is not there is missing."""
    words = ["null", "N/A", "007", "None"]
    odd = [{"id": word, "gold": [word], "answer": word, "answers/f1": 0.5} for word in words]
    write_table(tmp_path / "odd.csv", [*odd, {"id": "x", "gold": []}])
    kinds = dict.fromkeys(("id", "gold", "answer"), str)
    found = pandas.read_csv(tmp_path / "odd.csv", keep_default_na=False, na_values=[""], dtype=kinds)
    for column in kinds:
        assert list(found[column])[:4] == words
    assert found["gold"].isna().tolist() == found["answers/f1"].isna().tolist() == [False] * 4 + [True]


def test_pandas_reads_both_alike(tmp_path: Path) -> None:
    for name in ("results.csv", "results.parquet"):
        write_table(tmp_path / name, ROWS)
    text, binary = pandas.read_csv(tmp_path / "results.csv"), pandas.read_parquet(tmp_path / "results.parquet")
    assert list(text.columns) == list(binary.columns) == list(FLAT[0])
    for name in ("prior/hit@1", "answers/f1"):
        assert text[name].mean() == binary[name].mean() == pytest.approx(FLAT[0][name])


def test_another_extension_is_refused_and_nothing_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a file ending in \.csv or \.parquet"):
        write_table(tmp_path / "results.xlsx", ROWS)
    assert not list(tmp_path.iterdir())
