"""The bytes of a file, unpacked where they are packed, and their text in whatever encoding they are."""

from __future__ import annotations

import codecs
import gzip
import json
import re
import stat
import zlib
from pathlib import Path

from charset_normalizer import from_bytes

from jsarag.files import read_bytes
from jsarag.types import InputError

LEAST, RATIO = 1 << 30, 100
"""A packed file may hold a gibibyte, or so many times its size."""
LIKELY = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp932", "gb18030", "big5",
    "euc_kr", "euc_jp", "koi8_r", "mac_roman", "cp437", "cp850",
)  # fmt: skip
"""Encodings of tables, besides Unicode's own."""
AUTO = "auto"


def unpacked(path: Path) -> bytes:
    """The bytes of a regular file; those within, where its name ends in .gz.

    Raises:
        InputError: no regular file, not readable, not a whole gzip file, or one that unpacks to far more than any text.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = stat.S_IFREG  # reading says what is wrong
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"{path}: expected a file, found a pipe or a device")
    packed = read_bytes(path)
    if path.suffix.lower() != ".gz":
        return packed
    unpacker, most = zlib.decompressobj(wbits=31), max(LEAST, RATIO * len(packed))
    pieces: list[bytes] = []
    try:
        while packed:
            pieces.append(unpacker.decompress(packed, most + 1 - sum(map(len, pieces))))
            if sum(map(len, pieces)) > most:
                raise InputError(f"{path}: unpacks to more than {most >> 20:,} MiB, {RATIO} times its size; unpack it")
            if not unpacker.eof:
                raise EOFError
            packed = unpacker.unused_data.lstrip(b"\0")
            unpacker = zlib.decompressobj(wbits=31)  # files may be packed one after the other
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path}: not a whole gzip file") from None
    return b"".join(pieces)


def decoded(path: Path, raw: bytes, encoding: str = AUTO, *, guess: bool = False) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and its encoding where that is worth a word.

    Args:
        path: For messages.
        raw: The file's bytes.
        encoding: Its encoding, or ``auto``: UTF-8, or UTF-16 and UTF-32 as their first bytes say.
        guess: Whether bytes that are no Unicode may be in an older encoding.

    Raises:
        InputError: an unknown encoding, or a byte that it does not have (then naming the line).
    """
    given = encoding != AUTO
    name = _codec(encoding) if given else json.detect_encoding(raw)
    try:
        return raw.decode(name), () if not given and name.startswith("utf-8") else (_shown(name),)
    except UnicodeDecodeError as error:
        if guess and not given and name.startswith("utf-8") and not _damaged(raw):
            found = from_bytes(raw, cp_isolation=list(LIKELY)).best()
            if found is not None:
                return str(found), (_shown(found.encoding),)
        line = raw[: error.start].decode(name, "ignore").count("\n") + 1
        shown = "UTF-8" if name.startswith("utf-8") else _shown(name)
        raise InputError(f"{path}:{line}: expected {shown} text, found byte 0x{raw[error.start]:02x}") from None


def _codec(name: str) -> str:
    try:
        found = codecs.lookup(name).name
        b"".decode(found)
    except (LookupError, ValueError):
        raise InputError(f"data.encoding: expected auto or the name of an encoding, got {name!r}") from None
    return "utf-8-sig" if found == "utf-8" else found


def _shown(name: str) -> str:
    return re.sub(r"^utf[-_](\d+).*", r"UTF-\1", name)


def _damaged(raw: bytes) -> bool:
    """Whether bytes are UTF-8 with a damaged place: more characters of several bytes are whole than are not."""
    text = raw.decode("utf-8", "surrogateescape")
    broken = sum("\udc80" <= c <= "\udcff" for c in text)
    whole = sum(c > "\x7f" for c in text) - broken
    return whole > broken
