"""Passages in columns: our own, and texts under other names."""

from __future__ import annotations

from collections.abc import Iterator

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent
from jsarag.data.shapes.base import Found, LeftOut, Made, Shape, Sheet
from jsarag.data.shapes.pairs import labels, nothing_named
from jsarag.types import InputError

PLACE = ("page", "start", "end")
"""Fields of our own layout that say where in its source a passage stands."""


def _columns(sheet: Sheet, columns: Columns) -> dict[str, str]:
    found = {
        "id": sheet.take_id(names.PASSAGE_ID, columns.passage, "passage"),
        "title": sheet.take(names.TITLE, columns.title, "title"),
        "text": sheet.take(names.TEXT, columns.text, "text"),
        "source": sheet.take(names.SOURCE),
    }
    return {field: name for field, name in found.items() if name is not None}


def _read_own(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    taken = _columns(sheet, columns) | {name: name for name in PLACE if sheet.take((name,)) == name}
    for number, record in enumerate(sheet.records):
        values = {field: record[name] for field, name in taken.items() if name in record}
        yield Found(number, values, labels(taken))


def _read_columns(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    taken = _columns(sheet, columns)
    if "text" not in taken:
        raise InputError(missing(sheet))
    for number, record in enumerate(sheet.records):
        values = {field: sheet.value(record, name) for field, name in taken.items()}
        filled = {field: value for field, value in values.items() if not absent(value)}
        if not isinstance(filled.get("source", ""), str):  # a column of that name may mean anything
            del filled["source"]
        yield Found(number, filled, labels(taken)) if "text" in filled else LeftOut(number, "without text")


def missing(sheet: Sheet) -> str:
    """The message for a file in which no column is the text of a passage."""
    return nothing_named(sheet, "text", names.TEXT)


OWN = Shape("passages", lambda sheet: "text" in sheet.columns, _read_own, strict=True)
COLUMNS = Shape("passages", lambda sheet: sheet.has(names.TEXT), _read_columns)
MAPPED = Shape("the columns named", lambda sheet: True, _read_columns)
