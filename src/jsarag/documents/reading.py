"""One file: from its bytes to passages, or to the reason why it cannot be read."""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from jsarag.documents.chunks import Chunk, chunks_of, chunks_of_row
from jsarag.documents.document import Document, UnreadableError
from jsarag.documents.formats import FORMATS, TABLE, Raw
from jsarag.documents.kinds import ARCHIVE, kind_of
from jsarag.documents.measure import Measure

LARGEST = max(one.most for one in FORMATS.values())
"""Bytes of the largest file that is looked at."""
DAMAGED = (zipfile.BadZipFile, EOFError, ValueError, RuntimeError, KeyError, struct.error, zlib.error, OSError)
"""What is raised of a zip file that is damaged, or packed in a way that is not known."""
MEMORY = 4 << 30
"""Bytes of address space that a worker may use."""
VERSION = 2
"""Of what is made of files: one more whenever the same file gives other passages."""


def read_document(raw: Raw) -> Document:
    """Read a file by its content; tables are no documents.

    Raises:
        UnreadableError: it cannot be read, with the reason.
    """
    kind = kind_of(raw)
    if kind not in FORMATS:
        raise UnreadableError("a table or an archive, not a document")
    return _read(kind, raw)


def _read(kind: str, raw: Raw) -> Document:
    form = FORMATS[kind]
    if len(raw.data) > form.most:
        raise UnreadableError(
            f"too large: {len(raw.data) / 1e6:,.0f} MB of {kind}; expected at most {form.most / 1e6:,.0f}"
        )
    try:
        return form.read(raw)
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError(f"needs more than {MEMORY / 1e9:.0f} GB of memory") from None
    except RecursionError:
        raise UnreadableError("nested too deeply") from None
    except Exception as error:  # whatever a parser does with a damaged file
        raise UnreadableError(f"damaged: {form.name} that cannot be read ({_first_line(error)})") from None


def reader(kind: str) -> str:
    """What reads files of a kind, with its version: where that is another, files are read again."""
    package = FORMATS[kind].package if kind in FORMATS else "jsarag"
    with suppress(PackageNotFoundError):
        return f"{kind} {VERSION} {package} {version(package)}"
    return f"{kind} {VERSION}"


def reply(request: dict[str, Any], measure: Measure) -> dict[str, Any]:
    """What is found in a file.

    Args:
        request: ``name``; ``path``; ``inside``, names within archives; ``sha256`` and ``reader`` of what is known.
        measure: Of the passages.

    Returns:
        ``sha256`` and ``reader``, and ``chunks``, and ``told`` where there is something to tell; or ``same``, where
        nothing changed; or ``error``, a reason.
    """
    found: dict[str, Any] = {}
    try:
        raw = Raw(request["name"], _bytes(Path(request["path"]), tuple(request["inside"])))
        kind = kind_of(raw)
        found = {"sha256": hashlib.sha256(raw.data).hexdigest(), "reader": reader(kind)}
        if all(request.get(key) == value for key, value in found.items()):
            return found | {"same": True}
        chunks, told = _chunks(kind, raw, measure)
        return found | {"chunks": [asdict(chunk) for chunk in chunks], **({"told": told} if told else {})}
    except UnreadableError as error:
        return found | {"error": str(error)}
    except MemoryError:
        return found | {"error": f"needs more than {MEMORY / 1e9:.0f} GB of memory"}
    except OSError as error:
        return found | {"error": f"cannot be read: {error.strerror or error}"}
    except Exception as error:  # whatever a library does with a damaged table
        return found | {"error": f"damaged: cannot be read ({_first_line(error)})"}


def _chunks(kind: str, raw: Raw, measure: Measure) -> tuple[Iterator[Chunk], str]:
    """The passages of a file, and what is to be told of how it was read."""
    if kind == ARCHIVE:
        raise UnreadableError("an archive within another form of file; unpack it")
    name = PurePosixPath(raw.name).name
    title = name[: len(name) - len(raw.extension)].replace("_", " ").replace("-", " ") or name
    if kind == TABLE:
        from jsarag.documents.formats.table import read_rows

        rows = read_rows(raw, title)
        return (chunk for row in rows.passages for chunk in chunks_of_row(row, measure)), rows.told
    document = _read(kind, raw)
    return chunks_of(document if document.title else replace(document, title=title), measure), ""


def _bytes(path: Path, inside: tuple[str, ...]) -> bytes:
    if inside:
        return member(_archive(path, inside[:-1]), inside[-1])
    with path.open("rb") as file:
        return _bounded(file)


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of an archive.

    Raises:
        UnreadableError: it is too large or damaged.
    """
    try:
        with archive.open(name) as file:
            return _bounded(file)
    except DAMAGED as error:
        raise UnreadableError(f"damaged within its archive ({_first_line(error)})") from None


def _bounded(file: IO[bytes]) -> bytes:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise UnreadableError(f"too large: more than {LARGEST / 1e6:,.0f} MB")
    return data


@lru_cache(maxsize=2)
def _archive(path: Path, inside: tuple[str, ...]) -> zipfile.ZipFile:
    """An open zip file, which may lie in others."""
    return zipfile.ZipFile(BytesIO(member(_archive(path, inside[:-1]), inside[-1])) if inside else path)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
