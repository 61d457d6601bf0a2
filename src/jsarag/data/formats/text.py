"""Plain text and Markdown: a passage a paragraph, under the heading before it."""

from __future__ import annotations

import re
from pathlib import Path

from jsarag.data.formats.raw import AUTO, decoded, unpacked
from jsarag.data.formats.table import Table
from jsarag.files import Record

_HEADING = re.compile(r"#{1,6}\s+(?P<title>.*?)\s*#*\s*")


def read_text(path: Path, encoding: str = AUTO) -> Table:
    """Paragraphs between blank lines, each with the Markdown heading it stands under as its title.

    Raises:
        InputError: bytes of no encoding.
    """
    text, found = decoded(path, unpacked(path), encoding, guess=True)
    records: list[Record] = []
    title, begin, paragraph = "", 0, list[str]()
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        heading = _HEADING.fullmatch(line.strip())
        if line.strip() and not heading:
            begin = begin or number
            paragraph.append(line.strip())
            continue
        if paragraph:
            records.append((begin, {"title": title, "text": "\n".join(paragraph)}))
            begin, paragraph = 0, []
        title = heading["title"] if heading else title
    return Table(records, (*found, "paragraphs between blank lines"))
