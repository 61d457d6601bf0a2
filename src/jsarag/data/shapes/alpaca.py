"""Alpaca's instructions: an instruction, perhaps an input to it, an output; LLaMA-Factory adds a history."""

from __future__ import annotations

from collections.abc import Iterator

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent
from jsarag.data.shapes.base import Made, Shape, Sheet
from jsarag.data.shapes.pairs import FIELDS, labels, pair


def _matches(sheet: Sheet) -> bool:
    return sheet.has(["instruction"]) and sheet.has(["input"]) and sheet.has(names.OUTPUTS)


def _read(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    instruction, more = sheet.take(["instruction"]), sheet.take(["input"])
    others = {field: known for field, known in FIELDS.items() if field != "input"}
    rest = {field: sheet.take(known, getattr(columns, field), field) for field, known in others.items()}
    taken = {field: name for field, name in rest.items() if name is not None}
    key = sheet.take_id(names.ID, columns.id, "id")
    for number, record in enumerate(sheet.records):
        values = {field: sheet.value(record, name) for field, name in taken.items()}
        if key is not None:
            values["id"] = sheet.value(record, key)
        parts = [sheet.value(record, instruction), sheet.value(record, more)]
        said = [str(part) for part in parts if not absent(part)]
        yield pair(number, {**values, "input": "\n".join(said)}, labels(taken))


ALPACA = Shape("Alpaca instructions", _matches, _read)
