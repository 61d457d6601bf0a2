"""The text of a file in whatever encoding; a few damaged bytes cost themselves alone."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from jsarag.data.formats.raw import decoded
from jsarag.documents.document import UnreadableError
from jsarag.types import InputError

DAMAGED = 0.01
"""Share of characters that may be damaged in what is still a text."""

_DECLARED = re.compile(
    rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]{0,100}encoding=["']([\w.:-]+)""", re.I
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_of(raw: bytes, *, markup: bool = False) -> str:
    """The text, its lines ended by ``\\n``; ``markup``: the file may name its encoding itself.

    Raises:
        UnreadableError: it is no text.
    """
    text = _decoded(raw, _declared(raw) if markup else "").removeprefix("\ufeff")
    if len(_CONTROL.findall(text[:100_000])) > DAMAGED * min(len(text), 100_000):
        raise UnreadableError("no text: it holds binary data")
    return _CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def _decoded(raw: bytes, declared: str) -> str:
    if declared and not raw.startswith(_BOMS):
        return raw.decode(declared, "replace")
    try:
        return decoded(Path("text"), raw, guess=True)[0]
    except InputError:
        text = raw.decode("utf-8", "replace")
        if text.count("\ufffd") > DAMAGED * len(text):
            raise UnreadableError("no text: its encoding is not known") from None
        return text


def _declared(raw: bytes) -> str:
    found = _DECLARED.search(raw[:4096])
    try:
        name = codecs.lookup((found[1] or found[2]).decode()).name if found else ""
        b"".decode(name or "utf-8")
    except (LookupError, ValueError):
        return ""
    # A page that says UTF-16 where ASCII can be read is in something else; Latin-1 is cp1252 on the web.
    return "" if name.startswith("utf-16") else {"iso8859-1": "cp1252", "ascii": "cp1252"}.get(name, name)
