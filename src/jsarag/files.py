"""Text and JSON, read with errors that name the line, written whole or not at all."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jsarag.types import InputError
from jsarag.whole import whole as whole  # noqa: PLC0414 - offered here as well

Record = tuple[int, Any]
"""Where a record starts (line of a text file, row of a table) and the record."""


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


class _TwiceError(ValueError):
    """A key that an object has twice: one of its values would be lost."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(f"the key {next(name for name in names if names.count(name) > 1)!r} twice in an object")
    return found


class _Decoder(json.JSONDecoder):
    """The standard decoder; what Python cannot hold, or not write again, is a `json.JSONDecodeError` as well."""

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        try:
            value, end = super().raw_decode(s, idx)
        except _TwiceError as error:
            raise json.JSONDecodeError(str(error), s, idx) from None
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


JSON = _Decoder(object_pairs_hook=_object)
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
    """Read a file's bytes; ``InputError`` where it is missing, a folder, a pipe, a device or unreadable."""
    try:
        kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):  # to open a pipe waits for whoever writes
            raise InputError(f"{path}: expected a file, found a pipe or a device")
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


def read_object(path: Path) -> dict[str, Any]:
    """Read one JSON object, as files of ours are; ``InputError`` where it is another value."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected an object with named fields, found {type(value).__name__}")
    return value


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
