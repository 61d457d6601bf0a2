"""Tables of passages (CSV, JSON, Parquet ...), as `jsarag.data.read_passages` reads them: a row is a document."""

from __future__ import annotations

import re

from jsarag.data import Columns, read_passages
from jsarag.data.reading import holds_pairs, open_sheet
from jsarag.documents.document import UnreadableError
from jsarag.documents.formats.raw import Raw
from jsarag.types import InputError, Passage

_PLACE = re.compile(r"^[^:]*?file\.[\w.]+(?::(\d+))?: ")


def read_rows(raw: Raw) -> list[Passage]:
    """The passages of a table.

    Raises:
        UnreadableError: no table, no passages in it, or a row that is wrong.
    """
    with raw.on_disk() as path:
        try:
            if holds_pairs(open_sheet(path), Columns()):
                raise UnreadableError("questions with answers, no passages; give the file to --data.train")
            reading = read_passages(path)
        except InputError as error:
            raise UnreadableError(_reason(str(error))) from None
    if reading.problems:
        more = f" (and {len(reading.problems) - 1} more)" if len(reading.problems) > 1 else ""
        raise UnreadableError(_reason(str(reading.problems[0])) + more)
    rows = [passage for passage in reading.items if passage.text]
    if not rows:
        raise UnreadableError("no text in it")
    return rows


def _reason(message: str) -> str:
    """A message without the name of the temporary copy."""
    told = message.partition("; name the column")[0]  # by options that this command does not have
    return _PLACE.sub(lambda place: f"line {place[1]}: " if place[1] else "", told)
