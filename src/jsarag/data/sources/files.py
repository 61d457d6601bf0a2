"""The published files of a data set, as they lie in a folder: found, and read a line or a member at a time."""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from jsarag.data.sources.node import Node
from jsarag.data.sources.scan import Member, members
from jsarag.files import JSON
from jsarag.types import InputError

EVERY = 1 << 14
"""Lines between two reports of progress."""


@dataclass(frozen=True)
class File:
    """One published file.

    Attributes:
        name: Its path in the folder, without .gz; the first of the names it may have.
        url: Where it is published.
        splits: The splits that need it; none: all do.
        optional: Whether a conversion can do without it.
        others: Further names it may have.
        sums: Published checksums by file name, as ``algorithm:hex``; a file published as .gz has that name here.
        lines: Published numbers of lines by file name without .gz, where they are known: a line a record.
    """

    name: str
    url: str
    splits: tuple[str, ...] = ()
    optional: bool = False
    others: tuple[str, ...] = ()
    sums: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Every name it may have, plain and with .gz."""
        return [name for stem in (self.name, *self.others) for name in (stem, f"{stem}.gz")]

    def find(self, folder: Path) -> Path | None:
        """The file in ``folder``, plain or with .gz."""
        return next((folder / name for name in self.names if (folder / name).is_file()), None)

    def needed(self, splits: tuple[str, ...]) -> bool:
        """Whether a conversion to these splits reads it."""
        return not self.splits or bool(set(self.splits) & set(splits))


class Files:
    """The files that were found, by their `File.name`.

    Attributes:
        paths: Where they are.
        progress: Told the bytes read from disk, now and then.
    """

    def __init__(self, paths: dict[str, Path], progress: Callable[[int], None] | None = None) -> None:
        """Take the files as found."""
        self.paths = paths
        self.progress = progress or (lambda more: None)

    def has(self, name: str) -> bool:
        """Whether the file was found."""
        return name in self.paths

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """The lines of a text file with their numbers, without line ends; lines end at ``\\n`` alone.

        Raises:
            InputError: a line that is not UTF-8, a gzip file that is cut off, a file that cannot be read.
        """
        path = self.paths[name]
        with self._opened(path) as (stream, report):
            for number, raw in enumerate(stream, start=1):
                try:
                    yield number, raw.decode("utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise _not_utf8(path, number, error) from None
                if number % EVERY == 0:
                    report()

    def rows(self, name: str, columns: int, *, quoted: bool = False) -> Iterator[tuple[int, list[str]]]:
        """The rows of a file of tab-separated columns; ``quoted``: columns are in quotes where CSV needs them.

        Raises:
            InputError: as `lines`; a row of another number of columns.
        """
        for number, line in self.lines(name):
            row = line.split("\t")
            if len(row) != columns:
                where = f"{self.paths[name]}:{number}"
                raise InputError(f"{where}: expected {columns} columns separated by tabs, found {len(row)}")
            yield number, [_unquoted(column) for column in row] if quoted else row

    def records(self, name: str) -> Iterator[Node]:
        """The JSON values of a file with one a line; blank lines are skipped.

        Raises:
            InputError: as `lines`; a line that is not JSON.
        """
        for number, line in self.lines(name):
            if line.strip():
                where = f"{self.paths[name]}:{number}"
                try:
                    yield Node(where, JSON.decode(line))
                except json.JSONDecodeError as error:
                    raise InputError(f"{where}: not valid JSON ({error.msg} at column {error.colno})") from None

    def members(self, name: str) -> Iterator[tuple[Member, Node]]:
        """The members of one JSON list or object (`jsarag.data.sources.scan`), each also with its place.

        Raises:
            InputError: not UTF-8, not JSON, cut off, or not readable.
        """
        path = self.paths[name]
        with self._opened(path) as (stream, report):
            decoder, lines = codecs.getincrementaldecoder("utf-8")(), 1

            def read(size: int) -> str:
                nonlocal lines
                raw = stream.read(size)
                report()
                try:
                    text = decoder.decode(raw, final=not raw)
                except UnicodeDecodeError as error:
                    raise _not_utf8(path, lines + raw.count(b"\n", 0, error.start), error) from None
                lines += raw.count(b"\n")
                # A piece may end within a character; an empty text would be taken for the end.
                return text if text or not raw else read(size)

            for member in members(read, str(path)):
                yield member, Node(f"{path}:{member.line}", member.value)

    def listed(self, name: str, key: str = "") -> Iterator[Node]:
        """The members of a JSON list, or of the list that is the field ``key`` of an object.

        Raises:
            InputError: as `members`; no such list.
        """
        found = False
        for member, node in self.members(name):
            if member.key == key and not member.name:
                found = True
                yield node
        if not found:
            raise InputError(
                f"{self.paths[name]}: expected " + (f"a list {key!r}" if key else "a JSON list") + " in it"
            )

    @contextmanager
    def _opened(self, path: Path) -> Iterator[tuple[IO[bytes], Callable[[], None]]]:
        told = 0
        with opened(path) as (disk, stream):

            def report() -> None:
                nonlocal told
                now = disk.tell()
                self.progress(now - told)
                told = now

            yield stream, report
            report()


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A file as it lies on disk, and what it holds: the same, or unpacked where it ends in .gz; read one of them.

    Raises:
        InputError: a file that cannot be read, or (while it is read) a gzip file that is not whole.
    """
    try:
        with path.open("rb") as disk:
            stream: Any = gzip.GzipFile(fileobj=disk) if path.suffix == ".gz" else disk
            yield disk, stream
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path}: not a whole gzip file; download it again") from None
    except PermissionError:
        raise InputError(f"{path}: not readable") from None


def _unquoted(column: str) -> str:
    inside = len(column) > 1 and column[0] == column[-1] == '"'
    return column[1:-1].replace('""', '"') if inside else column


def _not_utf8(path: Path, line: int, error: UnicodeDecodeError) -> InputError:
    return InputError(f"{path}:{line}: expected UTF-8 text, found byte 0x{error.object[error.start]:02x}")
