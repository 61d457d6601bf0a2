"""JSON read piece by piece, against the whole file read at once."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jsarag.data.sources.scan import Member, _Scanner, members
from jsarag.types import InputError

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@pytest.fixture(autouse=True)
def pieces_of_one_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Scanner, "PIECE", 1)


def scanned(text: str) -> list[Member]:
    return list(members(io.StringIO(text, newline="").read, "x.json"))


def expected(value: Any) -> list[tuple[str, str, Any]]:
    if isinstance(value, list):
        return [("", "", item) for item in value]
    rows: list[tuple[str, str, Any]] = []
    for key, inner in value.items():
        if isinstance(inner, list):
            rows += [(key, "", item) for item in inner]
        elif isinstance(inner, dict):
            rows += [(key, name, item) for name, item in inner.items()]
        else:
            rows.append((key, "", inner))
    return rows


@given(value=st.lists(VALUES) | st.dictionaries(st.text(), VALUES), indent=st.sampled_from([None, 2]))
def test_members_are_those_of_the_whole_value(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    assert [member[1:] for member in scanned(text)] == expected(value)


def test_lines_are_where_members_begin() -> None:
    assert [(m.line, m.value) for m in scanned('[\n1,\n\n{"a":\n2},3\n]\n')] == [(2, 1), (4, {"a": 2}), (5, 3)]
    assert [m[:3] for m in scanned('{"a": {\n"x": 1,\n"y": [\n]}}')] == [(2, "a", "x"), (3, "a", "y")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.json:1: expected a JSON list or object"),
        ("7", "x.json:1: expected a JSON list or object"),
        ("[1,\n2", "x.json:2: not valid JSON (expected ',' or ']')"),
        ("[1\n\n 2]", "x.json:3: not valid JSON (expected ',' or ']')"),
        ('["a', "x.json:1: not valid JSON (Unterminated string starting at)"),
        ("[\ntru]", "x.json:2: not valid JSON (Expecting value)"),
        ('[\n{"a": 1,\n"b" 2, "more": "and more of it"}]', "x.json:3: not valid JSON (Expecting ':' delimiter)"),
        ('{"a" 1}', "x.json:1: not valid JSON (expected ':')"),
        ("{1: 2}", "x.json:1: not valid JSON (expected a name in quotes)"),
        ("[]\n[]", "x.json:2: not valid JSON (more after its end)"),
        ('[\n"a", "\\ud83d", "more"]', "x.json:2: not valid JSON (half a character, \\ud83d, alone)"),
        ('{"a": {\n"\\ud83d": 1}}', "x.json:2: not valid JSON (half a character, \\ud83d, alone)"),
        ("[\n" + "1" * 4301 + "]", "x.json:2: not valid JSON (an integer of more than 4,300 digits)"),
        ("[\n" + "[" * 50_000 + "]", "x.json:2: not valid JSON (nested too deeply)"),
    ],
    ids=range(14),
)
def test_what_is_no_json_is_named_by_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        scanned(text)
    assert str(raised.value) == message


def test_the_halves_of_a_character_may_lie_in_two_pieces() -> None:
    assert [member.value for member in scanned(r'["\ud83d\ude00", "\\ud83d"]')] == ["\U0001f600", "\\ud83d"]


def test_a_mistake_early_in_a_long_file_is_found_without_reading_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Scanner, "PIECE", 64)
    file = io.StringIO('[{"a": 1, "b" 2}, ' + "0, " * 100_000 + "0]")
    with pytest.raises(InputError, match=r"x.json:1:"):
        list(members(file.read, "x.json"))
    assert file.tell() < 1000
