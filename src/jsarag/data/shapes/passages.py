"""Passages in columns: our own, and texts under other names."""

from __future__ import annotations

from collections.abc import Iterator

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent
from jsarag.data.shapes.base import Found, LeftOut, Made, Shape, Sheet
from jsarag.data.shapes.pairs import labels
from jsarag.types import InputError


def _columns(sheet: Sheet, columns: Columns) -> dict[str, str]:
    found = {
        "id": sheet.take_id(names.PASSAGE_ID, columns.passage, "passage"),
        "title": sheet.take(names.TITLE, columns.title, "title"),
        "text": sheet.take(names.TEXT, columns.text, "text"),
    }
    return {field: name for field, name in found.items() if name is not None}


def _read_own(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    taken = _columns(sheet, columns)
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
        yield Found(number, filled, labels(taken)) if "text" in filled else LeftOut(number, "no text")


def missing(sheet: Sheet) -> str:
    """The message for a file in which no column is the text of a passage."""
    place = sheet.places[0] if sheet.places else sheet.path
    there = ", ".join(str(name) for name in sheet.columns if name) or "none"
    known = ", ".join(names.TEXT[1:4])
    return f"{place}: no field 'text' (nor {known} ...); it has {there}; name the column with --data.columns.text"


OWN = Shape("passages", lambda sheet: "text" in sheet.columns, _read_own, strict=True)
COLUMNS = Shape("passages", lambda sheet: sheet.has(names.TEXT), _read_columns)
MAPPED = Shape("the columns named", lambda sheet: True, _read_columns)
