"""The rows of an evaluation as one flat table, for pandas and spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jsarag.evaluation.sheet import Row
from jsarag.types import InputError
from jsarag.whole import whole

BETWEEN = " | "
"""What stands between the entries of a list in one cell."""


def check_table(path: Path, option: str) -> None:
    """Refuse a name whose extension is none of `TABLES`; known before anything is measured."""
    if path.suffix not in TABLES:
        raise InputError(f"{option}: expected a file ending in {' or '.join(TABLES)}, got {path}")


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write one line an example (and mode), in the format of the extension, whole or not at all.

    Lists become one text with `BETWEEN` between their entries. Of the passages there are ids, probabilities and
    titles in columns of their own, and the text of the first. What a row has no value for stays empty.

    Raises:
        InputError: the extension is none of `TABLES`.
    """
    check_table(path, str(path))
    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    with whole(path) as temporary:
        TABLES[path.suffix](temporary, columns, flat)


def _flat(row: Row) -> Row:
    """Texts first, then the scores, in the order of the row."""
    flat: Row = {}
    for name, value in row.items():
        if name == "passages":
            flat |= {
                "passages": BETWEEN.join(h["id"] for h in value),
                "probabilities": BETWEEN.join(f"{h['probability']:.4f}" for h in value),
                "titles": BETWEEN.join(h["title"] for h in value),
                "first_passage": value[0]["text"],
            }
        else:
            flat[name] = BETWEEN.join(map(str, value)) if isinstance(value, list) else value
    return {name: value for name, value in flat.items() if "/" not in name} | flat


def _csv(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    # Without the mark at its beginning Excel does not take a file for UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.DictWriter(file, columns, restval="")
        lines.writeheader()
        lines.writerows({name: _inert(value) for name, value in row.items()} for row in rows)


def _inert(value: Any) -> Any:
    """A cell that no spreadsheet runs: a text that begins as a formula does gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _parquet(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    import pyarrow
    import pyarrow.parquet

    filled: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in columns}
    pyarrow.parquet.write_table(pyarrow.table(filled), path)


TABLES: dict[str, Callable[[Path, Sequence[str], Sequence[Row]], None]] = {".csv": _csv, ".parquet": _parquet}
"""Writers by extension."""
