"""PDF by pypdfium2: lines become paragraphs by their distance, headings by their size; repeated page edges are dropped.

A PDF has no paragraphs and no headings, only characters with a place and a size.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from statistics import median
from typing import Any

from jsarag.documents.document import Document, Draft, UnreadableError
from jsarag.documents.formats.raw import Raw

PASSWORD = 4
"""PDFium's code of a document that needs a password."""
LARGER = 1.12
"""A line so many times as large as the body's text is a heading, if it is short."""
HEADING = 150
"""Characters of the longest heading."""
APART = 1.35
"""Lines farther apart than so many times the usual distance are two paragraphs."""
LOOSE = 2.0
"""Lines are at most so many times as far apart as their letters are high."""
EDGE = 3
"""Lines at the top and at the bottom of a page that may be page furniture."""
REPEATED = 0.5
"""Share of the pages from which on a line at their edge is furniture."""
FEWEST = 3
"""Pages from which on lines repeat."""

_NONE = (0, 2, 0xFFFE, 0xFFFF)
"""What PDFium gives where there is no character, and for the hyphen of a broken word."""
_BULLET = re.compile(r"(?:[\u2022\u2023\u25aa\u25cf\u25e6\u2043\u2219\uf0b7*\-\u2013]|\(?\d{1,3}[.)]|[a-z][.)])\s")
_HYPHEN = re.compile(r"(?<=\w\w)[-\u00ad\u2010]\Z")
_LEADERS = re.compile(r"(\. ?){4,}\d*$")
"""What a line of a table of contents ends with."""
_NUMBER = re.compile(r"\d+|\b[ivxlc]+\b")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line, or two with a word that is broken between them.

    Attributes:
        text: Its text.
        size: Of its letters, in points.
        top: Distance of its first letter from the top of the page, in points.
        last: The same of its last letter.
    """

    text: str
    size: float
    top: float
    last: float


def read_pdf(raw: Raw) -> Document:
    """All pages."""
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(raw.data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == PASSWORD:
            raise UnreadableError("needs a password") from None
        raise UnreadableError("damaged: no PDF that can be opened") from None
    with pdf:
        pages = [_lines(pdf, number) for number in range(len(pdf))]
        if not pages:
            raise UnreadableError("damaged: it has no pages")
        if not any(any(map(str.isalnum, line.text)) for page in pages for line in page):
            raise UnreadableError("no text in it: its pages are pictures (a scan?); recognise the text first (OCR)")
        kept = _without_furniture(pages)
        draft = Draft(_largest(pages[0]) or _title(pdf))
        _write(draft, kept)
    return draft.document()


def _title(pdf: Any) -> str:
    """What the file says its title is, unless that is the name of a file it was made from."""
    title = " ".join(pdf.get_metadata_value("Title").split())
    return "" if re.search(r"\.\w{2,5}$|^untitled|^microsoft", title, re.IGNORECASE) else title


def _largest(page: Sequence[_Line]) -> str:
    """The text in the largest letters of the first page, where it is a line or two that stand out."""
    most = max((line.size for line in page), default=0.0)
    large = [line.text for line in page if line.size == most]
    stands_out = most >= LARGER * median(line.size for line in page) if page else False
    return joined(large) if stands_out and len(large) <= 2 and len(joined(large)) <= HEADING else ""


def _lines(pdf: Any, number: int) -> list[_Line]:
    """The lines of a page in reading order; none of a page that is damaged."""
    import pypdfium2
    from pypdfium2 import raw as pdfium

    try:
        page = pdf[number]
        text = page.get_textpage()
    except pypdfium2.PdfiumError:
        return []
    height, count = page.get_height(), text.count_chars()
    found: list[_Line] = []
    begin, letters = 0, list[str]()
    for index in range(count + 1):
        # PDFium ends each line with carriage return and line feed, but for a word that is broken there.
        code = pdfium.FPDFText_GetUnicode(text, index) if index < count else 10
        if code not in (10, 13):
            begin = begin if letters else index
            letters.append("" if code in _NONE or 0xD800 <= code < 0xE000 else chr(code))
        elif letters:
            line = " ".join("".join(letters).split())
            if line:
                top, last = (height - _foot(pdfium, text, place) for place in (begin, index - 1))
                found.append(_Line(line, _size(pdfium, text, begin), top, last))
            letters.clear()
    page.close()
    return found


def _foot(pdfium: Any, text: Any, index: int) -> float:
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(text, index, x, y)
    return y.value


def _size(pdfium: Any, text: Any, index: int) -> float:
    """Of a character as it is seen: its size in the font, by the scale of its matrix."""
    matrix = pdfium.FS_MATRIX()
    scale = (matrix.b**2 + matrix.d**2) ** 0.5 if pdfium.FPDFText_GetMatrix(text, index, matrix) else 1.0
    return float(round(pdfium.FPDFText_GetFontSize(text, index) * (scale or 1.0), 1))


def _without_furniture(pages: Sequence[Sequence[_Line]]) -> list[list[_Line]]:
    """Pages without tables of contents and without what repeats at their edges: headers, footers, page numbers."""
    edges = [[i for i in range(len(page)) if min(i, len(page) - 1 - i) < EDGE] for page in pages]
    keys = [
        {i: _keys(page[i], number) for i in edge} for number, (page, edge) in enumerate(zip(pages, edges, strict=True))
    ]
    seen = Counter(key for page in keys for key in {key for some in page.values() for key in some})
    most = max(REPEATED * len(pages), FEWEST)

    def stays(some: list[object]) -> bool:
        return all(seen[key] < most for key in some)

    return [
        [line for i, line in enumerate(page) if (i not in known or stays(known[i])) and not _LEADERS.search(line.text)]
        for page, known in zip(pages, keys, strict=True)
    ]


def _keys(line: _Line, page: int) -> list[object]:
    """What a line at the edge of a page may have in common with those of most pages: its text, or a page number."""
    words = line.text.split()
    numbers = {int(word) - page for word in (words[0], words[-1]) if word.isascii() and word.isdecimal()}
    return [_NUMBER.sub("#", line.text.casefold()), *numbers]


def _write(draft: Draft, pages: Sequence[Sequence[_Line]]) -> None:
    sizes = Counter[float]()
    for line in chain.from_iterable(pages):
        sizes[line.size] += len(line.text)
    body = max(sizes, key=sizes.__getitem__, default=1.0)
    larger = sorted((size for size in sizes if size >= LARGER * body), reverse=True)
    levels = {size: level for level, size in enumerate(larger, start=1)}
    steps = [b.top - a.last for page in pages for a, b in pairwise(page) if a.size == b.size and b.top > a.last]
    usual = min(median(steps), LOOSE * body) if steps else LOOSE * body

    def goes_on(above: _Line, line: _Line) -> bool:
        """Whether a line belongs to the paragraph of the line above it."""
        near = -0.2 * usual <= line.top - above.last <= APART * usual * max(line.size / body, 1)
        return near and levels.get(above.size) == levels.get(line.size)

    for number, page in enumerate(pages, start=1):
        draft.page = number
        paragraphs: list[list[_Line]] = []
        for line in page:
            if paragraphs and goes_on(paragraphs[-1][-1], line):
                paragraphs[-1].append(line)
            else:
                paragraphs.append([line])
        for paragraph in paragraphs:
            _add(draft, paragraph, levels)


def _add(draft: Draft, lines: Sequence[_Line], levels: dict[float, int]) -> None:
    text = joined([line.text for line in lines])
    level = levels.get(lines[0].size)
    if level is not None and len(text) <= HEADING and "\n" not in text:
        draft.heading(level, text)
    else:
        draft.add(text)


def joined(lines: Sequence[str]) -> str:
    """The lines of a paragraph as running text: hyphens at line ends are gone, items of a list keep their lines."""
    text = ""
    for line in lines:
        if not text:
            text = line
        elif _BULLET.match(line):
            text += f"\n{line}"
        elif _HYPHEN.search(text) and line[0].islower():
            text = _HYPHEN.sub("", text) + line
        else:
            text += f" {line}"
    return text
