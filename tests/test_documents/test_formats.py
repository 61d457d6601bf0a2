"""Each format against blocks, headings, pages and titles that were written down by hand."""

from __future__ import annotations

import codecs
import gzip

import pytest

from jsarag.documents import Document, Raw, UnreadableError, read_document
from jsarag.documents.formats.table import read_rows
from tests.test_documents import made

Expected = tuple[str, tuple[str, ...], int | None, str]

MARKDOWN = """---
title: "Deposits, explained"
---
# Deposits<a name="top"></a>

We return a *deposit* within [ten days](a.md), see ![a picture](x.png) `code`\\.

## Fees

| Country | Fee |
|---|---|
| France | 3 EUR |

1. First run:

   ```sh
   pay --now

   pay --late
   ```
2. Then wait
   - at home
   - or not

<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>

Setext
------
Last words.
"""
RST = """
Deposits
========

See :ref:`the fees <fees>`, :class:`~bank.Account` and ``code``.

.. toctree::
   a
   b

.. _fees:

Fees
----

.. versionadded:: 1.2
   France pays.

=======  =====
Country  Fee
=======  =====
France   3 EUR
=======  =====

.. code-block:: python

   def fee():
       return 3

.. include:: /etc/passwd

.. raw:: html

   <p>raw</p>

* one
* two
"""
HTML = """<!doctype html><html><head><title>Deposits | Bank</title><style>p {}</style></head><body>
<nav><ul><li><a href="/">Home page</a></li><li><a href="/x">All products</a></li></ul></nav>
<main><article><h1>Deposits</h1><p>We return a <b>deposit</b> within ten days, to the card that paid for it.</p>
<h2>Fees</h2><table><tr><th>Country</th><th>Fee</th></tr><tr><td>France</td><td>3 EUR</td></tr></table>
<p>Name in your <code>letter</code>:</p><ul><li>the order</li><li>the reason<ul><li>broken</li></ul></li></ul>
<pre><code>pay --now
  pay --late</code></pre></article></main>
<footer>Copyright of the bank <a href="/i">Imprint</a></footer><script>var x = "script";</script></body></html>"""
DOCX = "".join(
    [
        made.paragraph("Handbook", "Title"),
        made.paragraph("Deposits", "heading1"),
        made.paragraph("We return a deposit within ten days."),
        made.paragraph("Fees", "heading2"),
        made.table([["Country", "Fee"], ["France", "3 EUR"]]),
        made.paragraph("Ask us &amp; wait."),
    ]
)
TEXT = "Deposits of guests\r\n\r\nWe return a deposit\r\nwithin ten days.\r\n\r\n \r\nAsk us.\r\n"
PDF = [
    [
        (9, 760, "Bank handbook"),
        (20, 720, "Deposits"),
        (11, 690, "We return a deposit with-"),
        (11, 677, "in ten days."),
        (11, 640, "A second paragraph."),
        (9, 40, "Page 1 of 4"),
    ],
    [
        (9, 760, "Bank handbook"),
        (15, 720, "Fees"),
        (11, 690, "They are:"),
        (11, 677, "- three euros"),
        (11, 664, "- four francs"),
        (9, 40, "Page 2 of 4"),
    ],
    [(9, 760, "Bank handbook"), (11, 700, "Nothing (more) follows here."), (9, 40, "Page 3 of 4")],
    [(9, 760, "Bank handbook"), (11, 700, "The end of it."), (9, 40, "Page 4 of 4")],
]

CASES: dict[str, tuple[str, bytes, str, list[Expected]]] = {
    "markdown": (
        "a.md",
        MARKDOWN.encode(),
        "Deposits, explained",
        [
            ("text", ("Deposits",), None, "We return a deposit within ten days, see code."),
            ("table", ("Deposits", "Fees"), None, "Country | Fee\nFrance | 3 EUR"),
            ("text", ("Deposits", "Fees"), None, "1. First run:"),
            ("code", ("Deposits", "Fees"), None, "pay --now\n\npay --late"),
            ("text", ("Deposits", "Fees"), None, "2. Then wait\n  - at home\n  - or not"),
            ("table", ("Deposits", "Fees"), None, "A | B\n1 | 2"),
            ("text", ("Deposits", "Setext"), None, "Last words."),
        ],
    ),
    "rst": (
        "a.rst",
        RST.encode(),
        "Deposits",
        [
            ("text", ("Deposits",), None, "See the fees, bank.Account and code."),
            ("text", ("Deposits", "Fees"), None, "1.2 France pays."),
            ("table", ("Deposits", "Fees"), None, "Country | Fee\nFrance | 3 EUR"),
            ("code", ("Deposits", "Fees"), None, "def fee():\n    return 3"),
            ("text", ("Deposits", "Fees"), None, "- one\n- two"),
        ],
    ),
    "html": (
        "a.html",
        HTML.encode(),
        "Deposits",
        [
            (
                "text",
                ("Deposits",),
                None,
                "We return a deposit within ten days, to the card that paid for it.",
            ),
            ("table", ("Deposits", "Fees"), None, "Country | Fee\nFrance | 3 EUR"),
            ("text", ("Deposits", "Fees"), None, "Name in your letter:"),
            ("text", ("Deposits", "Fees"), None, "- the order\n- the reason\n  - broken"),
            ("code", ("Deposits", "Fees"), None, "pay --now\n  pay --late"),
        ],
    ),
    "docx": (
        "a.docx",
        made.docx(DOCX),
        "Handbook",
        [
            ("text", ("Deposits",), None, "We return a deposit within ten days."),
            ("table", ("Deposits", "Fees"), None, "Country | Fee\nFrance | 3 EUR"),
            ("text", ("Deposits", "Fees"), None, "Ask us & wait."),
        ],
    ),
    "text": (
        "a.txt",
        TEXT.encode(),
        "Deposits of guests",
        [("text", (), None, "We return a deposit\nwithin ten days."), ("text", (), None, "Ask us.")],
    ),
    "pdf": (
        "a.pdf",
        made.pdf(PDF),
        "Deposits",
        [
            ("text", ("Deposits",), 1, "We return a deposit within ten days."),
            ("text", ("Deposits",), 1, "A second paragraph."),
            ("text", ("Deposits", "Fees"), 2, "They are:\n- three euros\n- four francs"),
            ("text", ("Deposits", "Fees"), 3, "Nothing (more) follows here."),
            ("text", ("Deposits", "Fees"), 4, "The end of it."),
        ],
    ),
    "pptx": (
        "a.pptx",
        made.pptx(),
        "Ferries",
        [
            ("text", ("Ferries",), 1, "They leave at noon.\n  Not on Sundays."),
            ("table", ("Fares",), 2, "Who | Fare\nChild | 2 EUR"),
            ("text", ("Fares",), 2, "Notes: Say that dogs are free."),
        ],
    ),
}


def blocks(document: Document) -> list[Expected]:
    return [(b.kind, b.headings, b.page, document.text[b.start : b.end]) for b in document.blocks]


@pytest.mark.parametrize("kind", CASES)
def test_blocks(kind: str) -> None:
    name, data, title, expected = CASES[kind]
    document = read_document(Raw(name, data))
    assert blocks(document) == expected
    assert document.title == title


@pytest.mark.parametrize("kind", CASES)
def test_content_decides(kind: str) -> None:
    """A file is what its bytes say, whatever its name; Markdown, reStructuredText and text are told by their names."""
    name, data, _, expected = CASES[kind]
    wrong = name if kind in ("markdown", "rst", "text") else "a.txt"
    assert blocks(read_document(Raw(wrong, data))) == expected


def test_offsets_of_text_are_those_of_the_file() -> None:
    """As Python's ``open`` reads it: a line ends with one character."""
    document = read_document(Raw("a.txt", TEXT.encode()))
    assert document.text == TEXT.replace("\r\n", "\n")


def test_table_of_passages() -> None:
    data = b'{"title": "Deposits", "text": "Ten days."}\n{"text": "Ask us."}\n'
    assert [(row.title, row.text, row.start) for row in read_rows(Raw("a.jsonl", data)).passages] == [
        ("Deposits", "Ten days.", 1),
        ("", "Ask us.", 2),
    ]
    with pytest.raises(UnreadableError, match=r"^line 2: not valid JSON"):
        read_rows(Raw("a.jsonl", data[:50]))


PRICES: list[list[str | None]] = [
    ["Prices of 2026"],
    [],
    ["name", "price", "from"],
    ["Cable, 2 m", "3.50", "Oslo"],
    ["Rope", None, "Kiel"],
]


@pytest.mark.parametrize(
    ("name", "data", "first"),
    [
        ("price-list.csv", b'name;price;from\n"Cable, 2 m";3.50;Oslo\n\nRope;;Kiel\n', 2),
        ("price-list.tsv.gz", gzip.compress(b"name\tprice\tfrom\nCable, 2 m\t3.50\tOslo\nRope\t\tKiel\n", mtime=0), 2),
        ("price-list.xlsx", made.workbook(PRICES, [["a", "b"], ["1", "2"]]), 4),
    ],
)
def test_table_of_other_columns(name: str, data: bytes, first: int) -> None:
    """A price list: a passage a row, each cell under its column, in the place of the row."""
    rows = read_rows(Raw(name, data), "price list")
    assert [(row.title, row.text) for row in rows.passages] == [
        ("price list", "name: Cable, 2 m\nprice: 3.50\nfrom: Oslo"),
        ("price list", "name: Rope\nfrom: Kiel"),
    ]
    row = rows.passages[0]
    assert (row.start, row.end) == (first, first + 1)
    told = "a passage a row, of the columns name, price, from"
    assert rows.told == (f"{told}; sheet 'Sheet' of 2 sheets" if name.endswith("xlsx") else told)


def test_settings_in_json_are_no_table() -> None:
    with pytest.raises(UnreadableError, match=r"^expected columns of questions .* it has name, version$"):
        read_rows(Raw("package.json", b'[{"name": "boat", "version": 1}]'))


@pytest.mark.parametrize(
    ("encoding", "head"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("cp1252", b""),
        ("cp1251", b""),
    ],
)
def test_encodings(encoding: str, head: bytes) -> None:
    russian = "Мы возвращаем залог в течение десяти дней. Спросите нас, если он не пришёл, и мы ответим вам завтра."
    german = "Wir zahlen die Kaution zurück – spätestens nach zehn Tagen. Die Gebühr fällt für größere Beträge weg."
    text = russian if encoding == "cp1251" else german
    assert read_document(Raw("a.txt", head + text.encode(encoding))).text == text


def test_title_of_a_page_with_many_headings_of_level_one() -> None:
    page = "<title>Boats | Harbour</title><body><h1>Red</h1><p>It leaves at noon.</p><h1>Blue</h1><p>It stays here.</p>"
    document = read_document(Raw("a.html", page.encode()))
    assert document.title == "Boats | Harbour"
    assert [headings for _, headings, *_ in blocks(document)] == [("Red",), ("Blue",)]


def test_declared_encoding_of_html() -> None:
    page = '<html><head><meta charset="iso-8859-2"><title>Kaucja</title></head><p>Zwrócimy kaucję wkrótce.</p>'
    document = read_document(Raw("a.html", page.encode("iso-8859-2")))
    assert blocks(document) == [("text", (), None, "Zwrócimy kaucję wkrótce.")]
    assert document.title == "Kaucja"


def test_damaged_bytes_cost_themselves_alone() -> None:
    text = ("Die Kaution für größere Boote zahlen wir zurück.\n" * 20).encode()
    assert read_document(Raw("a.txt", text[:300] + b"\xff" + text[300:])).text.count("\ufffd") == 1


def test_short_slides_repeat_nothing() -> None:
    """Two pages are too few to tell furniture from text."""
    pages = [[(11, 700, "Same words."), (11, 650, "One.")], [(11, 700, "Same words."), (11, 650, "Two.")]]
    found = blocks(read_document(Raw("a.pdf", made.pdf(pages))))
    assert [text for *_, text in found] == ["Same words.", "One.", "Same words.", "Two."]


def test_navigation_alone_is_still_read() -> None:
    """Where the content of a page is not found, all of its text is read."""
    links = "".join(f"<li><a href='{i}'>The ferry to island {i} leaves at noon</a></li>" for i in range(9))
    document = read_document(Raw("a.html", f"<html><body><ul>{links}</ul></body></html>".encode()))
    assert document.text.count("ferry") == 9
