"""Files that are never half written: everything goes to a temporary name and is renamed when it is whole."""

from __future__ import annotations

import glob
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from jsarag.types import InputError

Record = tuple[int, Any]
"""Where a record starts (line of a text file, row of a table) and the record."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; the file or folder left there replaces ``path`` if the block succeeds.

    A folder that is replaced is moved aside first: a kill leaves the old one, the new one or, in that instant, none;
    never a mixture. Where none would matter, write under a new name and rename a pointer (as checkpoints do). What a
    killed process left beside ``path`` goes, and what it had moved aside comes back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.tmp")
    aside = temporary.with_suffix(".old")
    try:
        yield temporary
        if temporary.is_dir() and path.exists():
            path.replace(aside)
        temporary.replace(path)
    finally:
        if aside.exists() and not path.exists():
            aside.replace(path)
        for left in (temporary, aside):
            _remove(left)


def _clear(path: Path) -> None:
    """Finish what processes of this machine that are no more had begun with ``path``; others may share the folder."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        name = re.fullmatch(rf"\.{re.escape(f'{path.name}.{platform.node()}')}\.(\d+)\.(tmp|old)", left.name)
        if name is None or psutil.pid_exists(int(name[1])):
            continue
        if name[2] == "old" and not path.exists():
            left.replace(path)
        else:
            _remove(left)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def check_output(path: Path, option: str) -> None:
    """Refuse a file that cannot be written, before the work whose results it is to hold.

    Raises:
        InputError: a folder of that name, a file where one of its folders should be, or no right to write there.
    """
    try:
        if path.is_dir():
            raise InputError(f"{option}: expected a file, got the folder {path}")
        there = next(folder for folder in path.parents if folder.exists())
        if not there.is_dir():
            raise InputError(f"{option}: expected a file in a folder, got {path}, but {there} is a file")
        if not os.access(there, os.W_OK | os.X_OK):
            raise InputError(f"{option}: cannot write {path}: {there} is not writable")
    except OSError as error:
        raise InputError(f"{option}: cannot write {path}: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all; NaN and infinity are refused, they are not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """Write one JSON object a line, whole or not at all."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


# In JSON text: what may be half a surrogate pair; and, escape by escape, whole pairs and halves.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)


class _Decoder(json.JSONDecoder):
    """The standard decoder; what Python cannot hold, or not write again, is a `json.JSONDecodeError` as well."""

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        try:
            value, end = super().raw_decode(s, idx)
        except RecursionError:
            raise json.JSONDecodeError("nested too deeply", s, idx) from None
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer with more digits than Python converts
            most = sys.get_int_max_str_digits()
            found = re.compile(rf"[0-9]{{{most + 1}}}").search(s, idx)
            place = found.start() if found else idx
            raise json.JSONDecodeError(f"an integer of more than {most:,} digits", s, place) from None
        if _SURROGATE.search(s, idx, end):
            _refuse_halves(s, idx, end)
        return value, end


def _refuse_halves(text: str, begin: int, end: int) -> None:
    """Half a surrogate pair is no character: no file and no tokenizer takes it."""
    for escape in _ESCAPE.finditer(text, begin, end):
        if escape["half"]:
            raise json.JSONDecodeError(f"half a character, {escape[0]}, alone", text, escape.start())


JSON = _Decoder()
"""Reads JSON: ``decode`` a whole text, ``raw_decode`` the value at a place; `json.JSONDecodeError` if it cannot."""


def read_text(path: Path) -> str:
    """Read UTF-8 text.

    Raises:
        InputError: the file is missing, a folder, unreadable, or not UTF-8 (then naming the line of the bad byte).
    """
    raw = read_bytes(path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: expected UTF-8 text, found byte 0x{raw[error.start]:02x}") from None


def read_bytes(path: Path) -> bytes:
    """Read a file's bytes; ``InputError`` where it is missing, a folder or unreadable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a file, found a folder") from None
    except PermissionError:
        raise InputError(f"{path}: not readable") from None


def read_json(path: Path) -> Any:
    """Read one JSON value; ``InputError`` names the file and line of what is wrong."""
    try:
        return JSON.decode(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not valid JSON ({error.msg})") from None


def read_jsonl(path: Path) -> list[Record]:
    """Read one JSON value a line as ``(line number, value)``; blank lines are skipped, lines end at ``\\n`` alone.

    ``str.splitlines`` would also split at U+2028, which is legal inside a JSON string.
    """
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            try:
                rows.append((number, JSON.decode(line)))
            except json.JSONDecodeError as error:
                raise InputError(f"{path}:{number}: not valid JSON ({error.msg} at column {error.colno})") from None
    return rows
