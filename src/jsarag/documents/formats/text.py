"""Plain text: a block a paragraph between blank lines. Offsets are those of the file's own text."""

from __future__ import annotations

import re

from jsarag.documents.document import Block, Document, UnreadableError
from jsarag.documents.encoding import text_of
from jsarag.documents.formats.raw import Raw

TITLE = 120
"""Characters up to which a first line that stands alone is the title."""
_PARAGRAPH = re.compile(r"[^\s](?:.|\n(?![ \t\f]*\n))*")


def read_text(raw: Raw) -> Document:
    """Its paragraphs."""
    text = text_of(raw.data)
    found = [(start, start + len(body.rstrip())) for start, body in _paragraphs(text)]
    first = text[slice(*found[0])] if found else ""
    titled = len(found) > 1 and "\n" not in first and len(first) <= TITLE and first[-1] not in ".!,;:"
    blocks = [Block(start, end) for start, end in found[titled:] if any(map(str.isalnum, text[start:end]))]
    if not blocks:
        raise UnreadableError("no text in it")
    return Document(text, first if titled else "", tuple(blocks))


def _paragraphs(text: str) -> list[tuple[int, str]]:
    return [(match.start(), match[0]) for match in _PARAGRAPH.finditer(text)]
