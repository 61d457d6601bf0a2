"""Lists and objects as text, against the values that Python and NumPy wrote; and whatever a file may hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jsarag.data import READERS, Columns, read_examples, read_passages
from jsarag.data.columns import steps, value_at
from jsarag.data.literal import ShortenedError, structured
from jsarag.types import InputError, Passage

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8)
HOLDERS = st.lists(VALUES) | st.dictionaries(TEXTS, VALUES)
NAMES = """id input outputs gold exclude history question answer context messages text title conversations prompt
completion instruction output dialog role turn paragraphs mapping"""
FIELDS = st.sampled_from(NAMES.split())
TURNS = st.lists(st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "x", 3]), "content": VALUES}))
RECORDS = st.lists(st.dictionaries(FIELDS, VALUES | TURNS, max_size=6) | VALUES, max_size=4)


@given(HOLDERS)
def test_what_python_prints_is_read(value: Any) -> None:
    assert repr(structured(repr(value))) == repr(value)


@given(HOLDERS)
def test_json_is_read(value: Any) -> None:
    assert structured(json.dumps(value)) == value


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_what_numpy_prints_is_read(texts: list[str]) -> None:
    assert structured(str(np.array(texts, dtype=object))) == texts
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    assert structured(str({"text": array})) == {"text": texts}


def test_numpy_numbers_and_objects_are_read() -> None:
    assert structured(str(np.array([1, 2, 30]))) == [1, 2, 30]
    assert structured(str(np.array([1.5, np.nan]))) == [1.5, None]
    assert structured(str(np.array([{"role": "user"}, {"role": "bot"}]))) == [{"role": "user"}, {"role": "bot"}]
    assert structured(repr(np.array(["a"]))) == ["a"]


def test_what_was_left_out_is_noticed() -> None:
    with pytest.raises(ShortenedError):
        structured(str(np.array(["a"] * 2000, dtype=object)))


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "[", "[a]", "['a'] b", "[1] and [2]", "{x}", "[__import__('os')]", "['a'.upper()]", "[1 + 1]", "'a'",
        "3", "[" * 60 + "'a'" + "]" * 60, r"['\ud83d']", "[f'a']", "[b'a']", "array(", "array([1], dtype=", "{1: 2",
        "{[]: 1}",
    ],
)  # fmt: skip
def test_a_text_is_no_list(text: str) -> None:
    assert structured(text) is None


def test_places() -> None:
    record = {"a": {"b": [{"c": 1}, {"c": 2}, {}]}, "a.b": 3, "cell": "[{'c': 4}]"}
    assert steps("a[0].b[*].c") == ["a", 0, "b", "*", "c"]
    assert value_at(record, "a.b") == 3
    assert value_at({"a": record["a"]}, "a.b[*].c") == [1, 2]
    assert value_at({"a": record["a"]}, "a.b[1].c") == 2
    assert value_at({"a": record["a"]}, "a.b[7].c") is None
    assert value_at(record, "cell[0].c") == 4
    for path in ("", "a[x]", "a]", "[", "a[-1]"):
        with pytest.raises(InputError, match=r"data.columns.text: expected a column or a path"):
            Columns(text=path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(content=st.binary() | TEXTS.map(str.encode), extension=st.sampled_from(sorted(READERS)))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, extension: str) -> None:
    path = tmp_path / f"any{extension}"
    path.write_bytes(content)
    for read in (read_passages, read_examples):
        try:
            read(path)
        except InputError as error:
            assert str(error).startswith(str(path))
            assert "\n" not in str(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(records=RECORDS, written=st.sampled_from(["any.jsonl", "any.json", "any.csv"]))
def test_any_records_are_read_or_refused(tmp_path: Path, records: list[Any], written: str) -> None:
    path = tmp_path / written
    if written == "any.csv":
        pd.DataFrame([record for record in records if isinstance(record, dict)]).to_csv(path)
    elif written == "any.json":
        path.write_text(json.dumps(records))
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    for read in (read_passages, read_examples):
        try:
            reading = read(path)
        except InputError as error:
            assert "\n" not in str(error).replace(repr(str(path)), "")
            continue
        assert len(reading.items) == len(reading.places) == len(reading.dialogs)
        assert len({item.id for item in reading.items}) == len(reading.items)
        for item in reading.items:
            assert item.null or item.text.strip() if isinstance(item, Passage) else item.input.strip() and item.outputs
