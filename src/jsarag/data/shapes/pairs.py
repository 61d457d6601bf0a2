"""Pairs in columns: our own, questions and answers under other names, and columns that the user names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsarag.data import names
from jsarag.data.answers import texts_of
from jsarag.data.columns import Columns
from jsarag.data.names import absent, listed
from jsarag.data.shapes.base import Found, LeftOut, Made, Shape, Sheet
from jsarag.data.shapes.contexts import context_column, context_id, contexts
from jsarag.data.shapes.feedback import REFUSED_ANSWER, Feedback
from jsarag.types import InputError

NO_INPUT, NO_OUTPUT = "without a question", "without an answer"

FIELDS = {
    "input": names.INPUT,
    "outputs": names.OUTPUTS,
    "gold": names.GOLD,
    "exclude": names.EXCLUDE,
    "history": names.HISTORY,
}


def _columns(sheet: Sheet, columns: Columns) -> dict[str, str]:
    """The column of each of our fields that there is."""
    found = {"id": sheet.take_id(names.ID, columns.id, "id")}
    found |= {field: sheet.take(known, getattr(columns, field), field) for field, known in FIELDS.items()}
    return {field: name for field, name in found.items() if name is not None}


def _is_own(sheet: Sheet) -> bool:
    return sheet.has(["input"]) and sheet.has(["outputs"]) and not sheet.has(["instruction"])


def _read_own(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    taken = _columns(sheet, columns)
    for number, record in enumerate(sheet.records):
        values = {field: record[name] for field, name in taken.items() if name in record}
        yield Found(number, values, labels(taken))


def _has_answers(sheet: Sheet) -> bool:
    return sheet.has(names.INPUT) and sheet.has(names.OUTPUTS)


def _read_columns(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    taken = _columns(sheet, columns)
    for field in ("input", "outputs"):
        if field not in taken:
            raise InputError(missing(sheet, field))
    context = context_column(sheet)
    sheet.used |= {context} if context else set()
    said = Feedback.of(sheet)
    for number, record in enumerate(sheet.records):
        values = {field: sheet.value(record, name) for field, name in taken.items()}
        if not texts_of(sheet.listed(record, taken["outputs"]) if sheet.cells else values["outputs"]):
            values["outputs"] = None
        if (better := said.corrected(record)) is not None:
            values["outputs"] = better
        elif said.refuses(record):
            yield LeftOut(number, REFUSED_ANSWER)
            continue
        told = tuple(context_id(text) for text in contexts(sheet.listed(record, context)))
        yield pair(number, values, labels(taken), optional=told)


def pair(number: int, values: dict[str, Any], labelled: dict[str, str], **more: Any) -> Made:
    """A pair from a record that need not hold one: without a question or an answer it is left out."""
    filled = {field: value for field, value in values.items() if not absent(value)}
    for field, reason in (("input", NO_INPUT), ("outputs", NO_OUTPUT)):
        if field not in filled:
            return LeftOut(number, reason)
    return Found(number, filled, labelled, **more)


def labels(taken: dict[str, str]) -> dict[str, str]:
    """The columns by our names for them."""
    return {field: name for field, name in taken.items() if name != field}


def missing(sheet: Sheet, field: str) -> str:
    """The message for a file in which no column is that field."""
    return nothing_named(sheet, field, FIELDS[field])


def nothing_named(sheet: Sheet, field: str, known: tuple[str, ...]) -> str:
    """The message for a file in which no column has one of the known names of a field."""
    place = sheet.path if sheet.cells else sheet.places[0]
    there = listed(filter(None, sheet.columns))
    header = "" if not sheet.cells or sheet.has(names.ALL) else " (is its first line one of names?)"
    others = ", ".join(known[1:4])
    remedy = f"call the right one {field!r}" if sheet.fill else f"name the column with --data.columns.{field}"
    return f"{place}: no field {field!r} (nor {others} ...); it has {there}{header}; {remedy}"


OWN = Shape("pairs", _is_own, _read_own, strict=True)
COLUMNS = Shape("questions and answers", _has_answers, _read_columns)
MAPPED = Shape("the columns named", lambda sheet: True, _read_columns)
