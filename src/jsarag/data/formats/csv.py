"""Tables as text with a line of names: columns between commas, semicolons, tabs or bars."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterator
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
    separator = _separator(text, usual)
    if separator != usual:
        found = (*found, f"{SEPARATORS[separator]} between columns")
    if separator == "\t" and not _fits(text, separator) and _fits(text, separator, csv.QUOTE_NONE):
        return _table(path, text, separator, (*found, "quotes are text"), csv.QUOTE_NONE)
    return _table(path, text, separator, found)


def read_tsv(path: Path, encoding: str = AUTO) -> Table:
    """As `read_csv`, of columns between tabs."""
    return read_csv(path, encoding, "\t")


def _table(path: Path, text: str, separator: str, found: tuple[str, ...], quoting: int = csv.QUOTE_MINIMAL) -> Table:
    records: list[Record] = []
    faults: list[tuple[int, str]] = []
    names: list[str] | None = None
    rows = _rows(text, separator, quoting)
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


def _rows(text: str, separator: str, quoting: int = csv.QUOTE_MINIMAL) -> Iterator[_Row]:
    """The rows that hold anything, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True)  # type: ignore[arg-type]
    while True:
        line = reader.line_num + 1
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
        widths = _widths(text, separator)
        if widths and widths[0] > 1:
            alike = sum(width == widths[0] for width in widths) / len(widths)
            score, best = max((score, best), ((round(alike, 1), widths[0], separator == usual), separator))
    return best


def _widths(text: str, separator: str, quoting: int = csv.QUOTE_MINIMAL) -> list[int]:
    widths: list[int] = []
    try:
        for _, row in _rows(text, separator, quoting):
            widths.append(len(row))
            if len(widths) > ROWS:
                break
    except _NotCsvError:
        pass
    return widths


def _fits(text: str, separator: str, quoting: int = csv.QUOTE_MINIMAL) -> bool:
    """Whether all rows are read, and have as many columns as there are names."""
    try:
        return len({len(row) for _, row in _rows(text, separator, quoting)}) == 1
    except _NotCsvError:
        return False
