"""Which format a file is of: its content decides, its extension where the content does not tell."""

from __future__ import annotations

import io
import re
import zipfile

from jsarag.documents.document import UnreadableError
from jsarag.documents.formats import EXTENSIONS, FORMATS, TABLE, TABLES, Raw

ARCHIVE = "archive"
UNPACKED, RATIO = 1 << 30, 100
"""A document that is a zip file may unpack to a gibibyte, or to so many times its size."""

_HTML = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL)
_OFFICE = {
    "word/document": "docx",
    "ppt/presentation": "pptx",
    "xl/workbook.bin": "an Excel workbook in binary form; save it as .xlsx",
    "xl/workbook": TABLE,
}
"""What a zip file is in which a name begins so."""
_OTHERS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"MZ": "a program",
    b"\x7fELF": "a program",
    b"Rar!": "a RAR archive; unpack it",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"{\\rtf": "an RTF document; save it as .docx",
    b"%!PS": "PostScript; save it as PDF",
    b"SQLite format 3": "a database",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file with `git lfs pull`",
    b"\x1f\x8b": "a gzip file; unpack it",
}
_TOLD = frozenset((".doc", ".ppt", ".xls", ".rtf", ".odt", ".odp", ".epub"))
"""Of documents that are not read, which is told."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


def known(extension: str) -> bool:
    """Whether files of that extension are documents; those of no other are looked into."""
    return extension in EXTENSIONS or extension in TABLES or extension in _TOLD


def kind_of(raw: Raw) -> str:
    """A name in `FORMATS`, `TABLE` or `ARCHIVE`.

    Raises:
        UnreadableError: a file that is empty, of no format that is read, or that needs a password.
    """
    data = raw.data
    if not data.strip(b"\0 \t\r\n"):
        raise UnreadableError("empty")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(_ZIP):
        return _zipped(data)
    if data.startswith(_OLE):
        raise UnreadableError(_old(data))
    if data.startswith((b"PAR1", b"ARROW1")) or (data.startswith(b"\x1f\x8b") and raw.extension in TABLES):
        return TABLE
    if _HTML.match(data[:4096]):
        return "html"
    wanted = TABLE if raw.extension in TABLES else EXTENSIONS.get(raw.extension, "text")
    found = next((what for start, what in _OTHERS.items() if data.startswith(start)), "")
    if found or wanted in ("pdf", "docx", "pptx") or raw.extension in (".zip", ".xlsx", ".parquet"):
        expected = FORMATS[wanted].name if wanted in FORMATS else f"what {raw.extension} says"
        raise UnreadableError(f"not {expected}, or damaged: it holds {found or _looks(data)}")
    return wanted


def _zipped(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError):
        raise UnreadableError("damaged: a zip file (as .docx, .pptx and .xlsx are) that is not whole") from None
    names = {entry.filename for entry in entries}
    found = next((what for start, what in _OFFICE.items() if any(name.startswith(start) for name in names)), ARCHIVE)
    if found != ARCHIVE:
        check_size(sum(entry.file_size for entry in entries), len(data))
    if found not in (*FORMATS, TABLE, ARCHIVE):
        raise UnreadableError(found)
    if found == ARCHIVE and "mimetype" in names:
        raise UnreadableError("an OpenDocument or e-book file; save it as .docx, .pptx or .html")
    return found


def check_size(held: int, packed: int) -> None:
    """Refuse what unpacks to far more than any document.

    Raises:
        UnreadableError: more than a gibibyte, and more than a hundred times the packed size.
    """
    if held > max(UNPACKED, RATIO * packed):
        raise UnreadableError(f"too large: unpacks to {held / 1e9:,.1f} GB from {packed / 1e6:,.1f} MB (a zip bomb?)")


def _old(data: bytes) -> str:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return "needs a password"
    return "a document of Office 97 to 2003; save it as .docx, .pptx or .xlsx"


def _looks(data: bytes) -> str:
    return "binary data" if b"\0" in data[:4096] else "text"
