"""Formats of documents: a new one is a file here, a line of `FORMATS`, and its extensions in `EXTENSIONS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jsarag.documents.document import Document
from jsarag.documents.formats.docx import read_docx
from jsarag.documents.formats.html import read_html
from jsarag.documents.formats.markdown import read_markdown
from jsarag.documents.formats.pdf import read_pdf
from jsarag.documents.formats.pptx import read_pptx
from jsarag.documents.formats.raw import Raw
from jsarag.documents.formats.rst import read_rst
from jsarag.documents.formats.text import read_text

__all__ = ["EXTENSIONS", "FORMATS", "TABLE", "TABLES", "Format", "Raw"]


@dataclass(frozen=True)
class Format:
    """How files of a format are read.

    Attributes:
        read: Raises `UnreadableError`, or whatever its library raises of a damaged file.
        name: For messages, such as ``a PDF``.
        package: On PyPI; another version of it may read other text.
        most: Bytes of the largest file.
    """

    read: Callable[[Raw], Document]
    name: str
    package: str
    most: int


_TEXT, _BINARY = 32 << 20, 256 << 20

FORMATS: dict[str, Format] = {
    "pdf": Format(read_pdf, "a PDF", "pypdfium2", _BINARY),
    "html": Format(read_html, "HTML", "trafilatura", _TEXT),
    "docx": Format(read_docx, "a Word document", "mammoth", _BINARY),
    "pptx": Format(read_pptx, "a PowerPoint file", "python-pptx", _BINARY),
    "markdown": Format(read_markdown, "Markdown", "markdown-it-py", _TEXT),
    "rst": Format(read_rst, "reStructuredText", "docutils", _TEXT),
    "text": Format(read_text, "text", "jsarag", _TEXT),
}
EXTENSIONS: dict[str, str] = {
    ".pdf": "pdf",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".docx": "docx",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".md": "markdown",
    ".markdown": "markdown",
    ".rst": "rst",
    ".txt": "text",
    ".text": "text",
    "": "text",
}
TABLE = "table"
"""Tables are read by `jsarag.documents.formats.table`, a row a document."""
TABLES = frozenset(
    f"{extension}{packed}"
    for extension in (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".xlsx", ".xlsm", ".parquet", ".arrow")
    for packed in ("", ".gz")
)
