"""Tables as text with a line of names: columns between commas, semicolons, tabs or bars."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jsarag.data.formats.raw import AUTO, decoded, unpacked
from jsarag.data.formats.table import Table
from jsarag.files import Record
from jsarag.types import InputError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ROWS = 50
"""Rows that tell which separator it is."""
NOTHING = ("", "nan", "NaN", "<NA>", "#N/A", "NaT")
"""Cells without a value, as pandas and spreadsheets write them."""

_Row = tuple[int, list[str]]


@dataclass(frozen=True)
class _Dialect:
    """How a table is written: its separator, the line where it begins, its quotes, blanks after separators."""

    separator: str
    begin: int = 1
    quoting: int = csv.QUOTE_MINIMAL
    blanks: bool = False


def read_csv(path: Path, encoding: str = AUTO, usual: str = ",") -> Table:
    """A table with a line of names; a cell without a value is absent, and all others are texts.

    Args:
        path: The file.
        encoding: Its encoding, or ``auto``.
        usual: The separator where no other fits better.

    Raises:
        InputError: bytes of no encoding, a name that two columns have.
    """
    text, found = decoded(path, unpacked(path), encoding, guess=True)
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    told = re.match(r"sep=(.)\r?\n", text)  # as Excel is told it
    begin = 2 if told else 1
    text = text[told.end() :] if told else text
    separator = told[1] if told and told[1] in SEPARATORS else _separator(text, usual)
    if separator != usual:
        found = (*found, f"{SEPARATORS[separator]} between columns")
    usually = _Dialect(separator, begin)
    if separator == "\t" and not _fits(text, usually):
        unquoted = replace(usually, quoting=csv.QUOTE_NONE)
        if _fits(text, unquoted):
            return _table(path, text, unquoted, (*found, "quotes are text"))
    spaced = replace(usually, blanks=True)
    if f'{separator} "' in text and _fits(text, spaced):
        return _table(path, text, spaced, found)
    return _table(path, text, usually, found)


def read_tsv(path: Path, encoding: str = AUTO) -> Table:
    """As `read_csv`, of columns between tabs."""
    return read_csv(path, encoding, "\t")


def _table(path: Path, text: str, dialect: _Dialect, found: tuple[str, ...]) -> Table:
    records: list[Record] = []
    faults: list[tuple[int, str]] = []
    names: list[str] | None = None
    rows = _rows(text, dialect)
    while True:
        try:
            line, row = next(rows)
        except StopIteration:
            break
        except _NotCsvError as error:
            faults.append((error.line, f"not valid CSV ({error})"))
            break
        if names is None:
            names = [name.strip().lstrip("\ufeff") for name in row]
            twice = next((name for name, times in Counter(filter(None, names)).items() if times > 1), None)
            if twice is not None:
                raise InputError(f"{path}:{line}: expected each name once, found two columns {twice!r}")
            continue
        if any(cell.strip() for cell in row[len(names) :]):
            faults.append((line, f"expected {len(names)} columns, found more (is a text with a separator in quotes?)"))
        elif filled := {name: c for name, c in zip(names, row, strict=False) if c.strip() not in NOTHING}:
            records.append((line, filled))
    return Table(records, found, tuple(faults), cells=True)


class _NotCsvError(Exception):
    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def _rows(text: str, dialect: _Dialect) -> Iterator[_Row]:
    """The rows that hold anything, each with the line on which it begins."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.separator,
        quoting=dialect.quoting,  # type: ignore[arg-type]
        skipinitialspace=dialect.blanks,
        strict=True,
    )
    while True:
        line = reader.line_num + dialect.begin
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _NotCsvError(line, str(error)) from None
        if any(row):
            yield line, row


def _separator(text: str, usual: str) -> str:
    """The separator by which the first rows have as many columns as there are names; the usual one where none has."""
    best, score = usual, (0.0, 1, False)
    for separator in SEPARATORS:
        widths = _widths(text, _Dialect(separator))
        if widths and widths[0] > 1:
            alike = sum(width == widths[0] for width in widths) / len(widths)
            score, best = max((score, best), ((round(alike, 1), widths[0], separator == usual), separator))
    return best


def _widths(text: str, dialect: _Dialect) -> list[int]:
    widths: list[int] = []
    try:
        for _, row in _rows(text, dialect):
            widths.append(len(row))
            if len(widths) > ROWS:
                break
    except _NotCsvError:
        pass
    return widths


def _fits(text: str, dialect: _Dialect) -> bool:
    """Whether all rows are read, and have as many columns as there are names."""
    try:
        return len({len(row) for _, row in _rows(text, dialect)}) == 1
    except _NotCsvError:
        return False
