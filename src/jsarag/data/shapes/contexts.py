"""Questions with the text that answers them: the texts are the knowledge base, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent
from jsarag.data.shapes.base import Found, LeftOut, Made, Shape, Sheet


def context_id(text: str) -> str:
    """The id of a passage that has none but its text."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]


def contexts(value: Any) -> list[str]:
    """The texts of a context, which may be several."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    return [text for item in value for text in contexts(item)] if isinstance(value, list | tuple) else []


def context_column(sheet: Sheet) -> str | None:
    """The column of the texts that questions are asked about."""
    asked = sheet.has(names.INPUT) and sheet.has(names.OUTPUTS)
    return sheet.column(names.CONTEXT) if asked else None


def _read(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    column = context_column(sheet)
    assert column is not None
    sheet.used |= {column, *filter(None, (sheet.column(known) for known in (names.INPUT, names.OUTPUTS, names.ID)))}
    title = sheet.take([name for name in names.TITLE if name not in names.INPUT])
    seen: set[str] = set()
    for number, record in enumerate(sheet.records):
        found = contexts(sheet.listed(record, column))
        if not found:
            yield LeftOut(number, "rows without a context")
        for text in found:
            if (name := context_id(text)) not in seen:
                seen.add(name)
                called = sheet.value(record, title)
                yield Found(number, {"title": "" if absent(called) else str(called), "text": text}, id=name)


CONTEXTS = Shape("contexts of questions", lambda sheet: context_column(sheet) is not None, _read)
