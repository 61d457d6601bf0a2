"""The bytes of a file, unpacked where they are packed, and their text in whatever encoding they are."""

from __future__ import annotations

import codecs
import gzip
import json
import re
import zlib
from contextlib import suppress
from pathlib import Path

from jsarag.files import read_bytes
from jsarag.types import InputError

LEAST, RATIO = 1 << 30, 100
"""A packed file may hold a gibibyte, or so many times its size."""
LIKELY = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp932", "gb18030", "big5",
    "euc_kr", "euc_jp", "koi8_r", "mac_roman", "cp437", "cp850",
)  # fmt: skip
"""Encodings of tables, besides Unicode's own."""
OTHERS = {
    b"PAR1": "a Parquet file; its name is to end in .parquet",
    b"ARROW1": "an Arrow file; its name is to end in .arrow",
    b"PK\x03\x04": "a zip file; the name of an Excel workbook is to end in .xlsx",
    b"\x1f\x8b": "a gzip file; its name is to end in .gz",
    b"version https://git-lfs": "a pointer of Git LFS; fetch the file with `git lfs pull`",
}
"""How files that are no text begin."""
AUTO = "auto"


def unpacked(path: Path) -> bytes:
    """The bytes of a regular file; those within, where its name ends in .gz.

    Raises:
        InputError: no regular file, not readable, not a whole gzip file, or one that unpacks to far more than any text.
    """
    packed = read_bytes(path)
    if path.suffix.lower() != ".gz":
        return packed
    unpacker, size = zlib.decompressobj(wbits=31), len(packed)
    most = max(LEAST, RATIO * size)
    pieces: list[bytes] = []
    held = 0
    try:
        while packed:
            pieces.append(unpacker.decompress(packed, most + 1 - held))
            held += len(pieces[-1])
            check_unpacked(path, held, size)
            if not unpacker.eof:
                raise EOFError
            packed = unpacker.unused_data.lstrip(b"\0")
            unpacker = zlib.decompressobj(wbits=31)  # files may be packed one after the other
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path}: not a whole gzip file") from None
    return b"".join(pieces)


def check_unpacked(path: Path, held: int, packed: int) -> None:
    """Refuse a packed file that holds far more bytes than any text packed into so few.

    Raises:
        InputError: more than a gibibyte, and more than a hundred times the packed size.
    """
    most = max(LEAST, RATIO * packed)
    if held > most:
        raise InputError(f"{path}: unpacks to more than {most >> 20:,} MiB, {RATIO} times its size; unpack it")


def decoded(path: Path, raw: bytes, encoding: str = AUTO, *, guess: bool = False) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and its encoding where that is worth a word.

    Text that is Unicode is read as such, whatever the encoding of other files.

    Args:
        path: For messages.
        raw: The file's bytes.
        encoding: Of bytes that are no Unicode; ``auto``: there are none, or ``guess``.
        guess: Whether such bytes may be in an older encoding, which is found out.

    Raises:
        InputError: an unknown encoding, or a byte that it does not have (then naming the line).
    """
    if other := next((what for start, what in OTHERS.items() if raw.startswith(start)), ""):
        raise InputError(f"{path}: expected text, found {other}")
    named = "" if encoding == AUTO else _codec(encoding)
    name: str = json.detect_encoding(raw)
    if named and name == "utf-8" and (raw.isascii() or not _unicode(raw)):
        name = named
    try:
        return _whole(path, raw.decode(name)), () if name.startswith("utf-8") else (_shown(name),)
    except UnicodeDecodeError as error:
        older = guess and not named and name == "utf-8" and not _damaged(raw)
        if guessed := _guessed(raw) if older else "":
            with suppress(UnicodeDecodeError):
                return _whole(path, raw.decode(guessed)), (guessed,)
        line = raw[: error.start].decode(name, "ignore").count("\n") + 1
        shown = "UTF-8" if name.startswith("utf-8") else _shown(name)
        raise InputError(f"{path}:{line}: expected {shown} text, found byte 0x{raw[error.start]:02x}") from None


def _whole(path: Path, text: str) -> str:
    """Refuse text with a NUL: what a full disk or a broken copy leaves."""
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{path}:{line}: expected text, found a NUL character")
    return text


def _unicode(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _codec(name: str) -> str:
    try:
        found = codecs.lookup(name).name
        b"AAAA".decode(found)  # some codecs make no text
    except UnicodeDecodeError:
        return found
    except (LookupError, ValueError):
        raise InputError(f"data.encoding: expected auto or the name of an encoding, got {name!r}") from None
    return found


def _shown(name: str) -> str:
    return re.sub(r"^utf[-_](\d+).*", r"UTF-\1", name)


def _guessed(raw: bytes) -> str:
    """The encoding in which bytes look least like noise; Western Europe's where no other is better. "" if none is."""
    from charset_normalizer import from_bytes

    # A lower threshold would leave out true ones: what is as good as the best is chosen below.
    found = from_bytes(raw, cp_isolation=list(LIKELY), threshold=0.4)
    best = found.best()
    if best is None:
        return ""
    equal = [name for match in found if match.chaos <= best.chaos for name in match.could_be_from_charset]
    return LIKELY[0] if LIKELY[0] in equal else best.encoding


def _damaged(raw: bytes) -> bool:
    """Whether bytes are UTF-8 with a damaged place: more characters of several bytes are whole than are not."""
    text = raw.decode("utf-8", "surrogateescape")
    broken = len(re.findall("[\udc80-\udcff]", text))
    return len(re.findall("[^\x00-\x7f]", text)) > 2 * broken
