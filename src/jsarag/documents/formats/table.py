"""Tables (CSV, Excel, JSON, Parquet ...): a row is a document, whose place is the number of the row.

Passages are read as `jsarag.data.read_passages` reads them. A sheet of other columns, such as a price list, is read row
by row as well: a line ``column: value`` for each cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from jsarag.data import Columns
from jsarag.data.names import listed
from jsarag.data.reading import UnknownColumnsError, holds_pairs, open_sheet, passages_of
from jsarag.data.shapes import Sheet
from jsarag.documents.document import UnreadableError
from jsarag.documents.formats.raw import Raw
from jsarag.types import InputError, Passage

_PLACE = re.compile(r"^[^:]*?file\.[\w.]+(?::(\d+))?: ")


@dataclass(frozen=True)
class Rows:
    """A table as read.

    Attributes:
        passages: One a row; ``start`` is the line or row of the file, ``end`` the next.
        told: What is worth a word of how it was read: columns that became ``column: value``, sheets that were not read.
    """

    passages: list[Passage]
    told: str = ""


def read_rows(raw: Raw, title: str = "") -> Rows:
    """The rows of a table.

    Args:
        raw: The file.
        title: Of rows that have none.

    Raises:
        UnreadableError: no table, neither passages nor a sheet in it, or a row that is wrong.
    """
    with raw.on_disk() as path:
        try:
            return _rows(path, title)
        except InputError as error:
            raise UnreadableError(_reason(str(error))) from None


def _rows(path: Path, title: str) -> Rows:
    sheet = open_sheet(path)
    try:
        if holds_pairs(sheet, Columns()):
            raise UnreadableError("questions with answers, no passages; give the file to --data.train")
    except UnknownColumnsError:
        if not sheet.cells:
            raise
        return _cells(sheet, title)
    reading = passages_of(sheet, Columns())
    if reading.problems:
        more = f" (and {len(reading.problems) - 1} more)" if len(reading.problems) > 1 else ""
        raise UnreadableError(_reason(str(reading.problems[0])) + more)
    rows = [
        replace(passage, start=sheet.lines[number], end=sheet.lines[number] + 1)
        for passage, number in zip(reading.items, reading.numbers, strict=True)
        if passage.text
    ]
    if not rows:
        raise UnreadableError("no text in it")
    return Rows(rows, _told(sheet))


def _cells(sheet: Sheet, title: str) -> Rows:
    """Each row as its cells under the names of their columns."""
    if sheet.faults:
        _, place, message = min(sheet.faults)
        raise InputError(f"{place}: {message}")
    texts = ("\n".join(_cell(name, value) for name, value in record.items()) for record in sheet.records)
    rows = [
        Passage(str(line), title, text, start=line, end=line + 1) for line, text in zip(sheet.lines, texts, strict=True)
    ]
    return Rows(rows, _told(sheet, f"a passage a row, of the columns {listed(filter(None, sheet.columns))}"))


def _told(sheet: Sheet, *more: str) -> str:
    return "; ".join([*more, *(found for found in sheet.found if found.startswith("sheet "))])


def _cell(name: object, value: object) -> str:
    named, told = (" ".join(str(one).split()) for one in (name, value))
    return f"{named}: {told}" if named else told


def _reason(message: str) -> str:
    """A message without the name of the temporary copy."""
    told = message.partition("; name the column")[0]  # by options that this command does not have
    return _PLACE.sub(lambda place: f"line {place[1]}: " if place[1] else "", told)
