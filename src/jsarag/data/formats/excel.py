"""Excel workbooks."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from jsarag.data.formats.raw import AUTO, check_unpacked, unpacked
from jsarag.data.formats.table import Table
from jsarag.data.names import ALL, plain_name
from jsarag.files import Record
from jsarag.types import InputError

DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, SyntaxError, ValueError, LookupError, TypeError,
    AttributeError, ArithmeticError, RuntimeError,
)  # fmt: skip
"""What openpyxl, and what it reads with, raise of a workbook that is damaged."""
TITLES = 10
"""Rows among which that of the names is looked for: titles may stand above it."""


def read_excel(path: Path, encoding: str = AUTO) -> Table:
    """The first sheet that holds rows, of which the first holds the names; formulas count as what they last gave.

    Raises:
        InputError: no workbook, or one with a name that two columns have.
    """
    sheets = _sheets(path, unpacked(path))
    full = [(title, rows) for title, rows in sheets if rows]
    if not full:
        return Table([], cells=True)
    title, rows = full[0]
    found = (f"sheet {title!r} of {len(full)} sheets",) if len(full) > 1 else ()
    first = _first(rows[:TITLES])
    if first:
        found = (*found, f"names in row {rows[first][0]}")
    rows = rows[first:]
    names = ["" if name is None else _text(name).strip() for name in rows[0][1]]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}:{rows[0][0]}: expected each name once, found two columns {twice!r}")
    records: list[Record] = [
        (i, {name: _text(value) for name, value in zip(names, row, strict=False) if _filled(value)})
        for i, row in rows[1:]
    ]
    return Table([(i, record) for i, record in records if record], found, cells=True)


def _sheets(path: Path, raw: bytes) -> list[tuple[str, list[tuple[int, tuple[Any, ...]]]]]:
    """The sheets, each with the numbers and values of those of its rows that hold any."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except DAMAGED as error:
        raise _no_workbook(path, error) from None
    check_unpacked(path, size, len(raw))
    try:
        with warnings.catch_warnings(action="ignore"):  # of styles and settings that are not read
            book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
            return [
                (sheet.title, [(i, row) for i, row in enumerate(sheet.values, start=1) if any(map(_filled, row))])
                for sheet in book.worksheets
            ]
    except (*DAMAGED, InvalidFileException) as error:
        raise _no_workbook(path, error) from None


def _no_workbook(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not an Excel workbook ({' '.join(str(error).split()) or type(error).__name__})")


def _first(rows: Sequence[tuple[int, tuple[Any, ...]]]) -> int:
    """The row of the names: the first with names that are known, or else the first with more than one text."""
    filled = [[value for value in row if _filled(value)] for _, row in rows]
    known = [any(plain_name(value) in ALL for value in values) for values in filled]
    several = [i for i, values in enumerate(filled) if len(values) > 1]
    usual = 0 if known[0] else next(iter(several), 0)
    return next((i for i in several if known[i]), usual)


def refuse_old(path: Path, encoding: str = AUTO) -> Table:
    """Refuse a workbook of Excel 97 to 2003."""
    raise InputError(f"{path}: a workbook of old Excel; save it as .xlsx or .csv")


def _filled(value: Any) -> bool:
    return value is not None and str(value).strip() not in ("", "nan", "NaN", "#N/A")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return value.isoformat() if isinstance(value, date | time) else str(value)
