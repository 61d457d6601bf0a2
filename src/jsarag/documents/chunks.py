"""Passages of a document: as much of a section as the retriever reads, broken at blocks, sentences and words.

A passage never holds text of two sections. Tables and listings are broken only where they alone are too long, and then
between lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from jsarag.documents.document import Block, Document
from jsarag.documents.measure import Measure
from jsarag.types import Passage

BETWEEN = " > "
"""Between the headings of a title."""
TITLE = 3
"""A title has at most one token in so many."""
LEAD = 80
"""Characters of the longest line that is taken for a heading of what follows."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage to be; fields as of `jsarag.Passage`."""

    title: str
    text: str
    page: int | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that fits; ``head``: of a part of a table, the row that says what its columns are."""

    start: int
    end: int
    page: int | None
    head: str = ""


def chunks_of(document: Document, measure: Measure) -> Iterator[Chunk]:
    """The passages of a document, in order; of each ``document.text[start:end]`` is the text."""
    for headings, blocks in groupby(document.blocks, key=lambda block: block.headings):
        # A page's title often is its first heading and the name of the site.
        own = headings[1:] if headings and headings[0] in document.title else headings
        path = (document.title, *own) if document.title else headings
        title = short_title(path, measure)
        yield from _packed(document.text, _pieces(document.text, blocks, title, measure), title, measure)


def chunks_of_row(row: Passage, measure: Measure) -> Iterator[Chunk]:
    """A row of a table as one passage, or several where it is too long; their place is that of the row."""
    title, text = short_title((row.title,) if row.title else (), measure), row.text
    for start, end in _spans(text, 0, len(text), "text", title, measure):
        yield Chunk(title, text[start:end], None, row.start, row.end)


def short_title(headings: Sequence[str], measure: Measure) -> str:
    """Headings as a title: where they are too long the middle ones go first, then words at the end."""
    room = measure.limit // TITLE
    kept = list(headings)
    while True:
        title = BETWEEN.join(kept)
        if measure.count(title, "") - measure.count("", "") <= room or not title:
            return title
        if len(kept) > 2:
            del kept[len(kept) // 2]
        elif len(kept) == 2:
            del kept[0]
        else:
            words = kept[0].split(" ")
            kept = [" ".join(words[: len(words) // 2])] if len(words) > 1 else [kept[0][: len(kept[0]) // 2]]


def _pieces(text: str, blocks: Iterator[Block], title: str, measure: Measure) -> Iterator[_Piece]:
    for block in blocks:
        head = ""
        if block.kind == "table":
            first = text[block.start : block.end].partition("\n")[0]
            # Only a short head leaves room for rows.
            head = first if measure.count("", first) <= measure.limit // TITLE else ""
        for start, end in _spans(text, block.start, block.end, block.kind, _with(title, head), measure):
            yield _Piece(start, end, block.page, head if start > block.start else "")


def _packed(text: str, pieces: Iterator[_Piece], title: str, measure: Measure) -> Iterator[Chunk]:
    """Neighbouring pieces together, as many as fit; a line that leads in what follows goes with what follows."""
    held: list[_Piece] = []
    for piece in pieces:
        if held and text[held[-1].end : piece.start].strip():  # a heading, of a section of the same name
            yield _chunk(text, held, title)
            held = []
        if held and not _fit(text, [*held, piece], title, measure):
            leads = len(held) > 1 and _leads(text, held[-1]) and _fit(text, [held[-1], piece], title, measure)
            lead = [held.pop()] if leads else []
            yield _chunk(text, held, title)
            held = lead
        held.append(piece)
    if held:
        yield _chunk(text, held, title)


def _fit(text: str, pieces: Sequence[_Piece], title: str, measure: Measure) -> bool:
    return not any(piece.head for piece in pieces) and measure.fits(title, text[pieces[0].start : pieces[-1].end])


def _leads(text: str, piece: _Piece) -> bool:
    """Whether a piece is a line that ends with a colon, or a short one without an end, as a heading is."""
    last = text[piece.start : piece.end].rstrip()
    return last.endswith(":") or ("\n" not in last and len(last) <= LEAD and last[-1] not in ".!?;,)")


def _chunk(text: str, pieces: Sequence[_Piece], title: str) -> Chunk:
    start, end = pieces[0].start, pieces[-1].end
    return Chunk(_with(title, pieces[0].head), text[start:end], pieces[0].page, start, end)


def _with(title: str, head: str) -> str:
    return BETWEEN.join(filter(None, (title, head)))


def _spans(text: str, start: int, end: int, kind: str, title: str, measure: Measure) -> Iterator[tuple[int, int]]:
    """Parts of a block that fit."""
    if measure.fits(title, text[start:end]):
        yield start, end
    elif kind == "text":
        yield from _split(text, start, end, title, measure)
    else:
        yield from _by_line(text, start, end, title, measure)


def _split(text: str, start: int, end: int, title: str, measure: Measure) -> Iterator[tuple[int, int]]:
    """At paragraphs, lines, sentences, words: the highest of these that does."""
    from semantic_text_splitter import TextSplitter

    splitter = TextSplitter.from_callback(partial(measure.count, title), measure.limit)
    for offset, part in splitter.chunk_indices(text[start:end]):
        if any(map(str.isalnum, part)):
            yield start + offset, start + offset + len(part)


def _by_line(text: str, start: int, end: int, title: str, measure: Measure) -> Iterator[tuple[int, int]]:
    begin, stop = start, start
    while stop < end:
        found = text.find("\n", stop + 1, end)
        after = end if found < 0 else found
        if measure.fits(title, text[begin:after]):
            stop = after
            continue
        if stop > begin:
            yield begin, stop
            begin = stop + 1
        if not measure.fits(title, text[begin:after]):
            yield from _split(text, begin, after, title, measure)
            begin = min(after + 1, end)
        stop = after
    if begin < end and text[begin:end].strip():
        yield begin, end
