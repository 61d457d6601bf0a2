"""Records from files, by extension: a new format is one reader and one line of `READERS`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jsarag.files import read_bytes, read_jsonl, read_text
from jsarag.types import InputError

Record = tuple[int, Any]
"""Where a record starts (line of a text file, row of a table) and the record."""


def read_records(path: Path) -> list[Record]:
    """Read a file by the reader of its extension.

    Raises:
        InputError: a missing or unreadable file, an unknown extension, or content that is not of the format.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: expected a file ending in {', '.join(READERS)}")
    return reader(path)


def read_json_list(path: Path) -> list[Record]:
    """A JSON file that holds a list of objects, each with the line on which it begins."""
    text = read_text(path)
    decoder = json.JSONDecoder()
    position = _skip(text, 0)
    if text[position : position + 1] != "[":
        raise InputError(f"{path}:{_line(text, position)}: expected a JSON list of objects")
    records: list[Record] = []
    position = _skip(text, position + 1)
    while text[position : position + 1] != "]":
        try:
            value, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{error.lineno}: not valid JSON ({error.msg})") from None
        records.append((_line(text, position), value))
        position = _skip(text, end)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        elif text[position : position + 1] != "]":
            raise InputError(f"{path}:{_line(text, position)}: not valid JSON (expected ',' or ']')")
    return records


def read_csv(path: Path) -> list[Record]:
    """CSV with a header; a cell that begins with [ is read as a JSON list, an empty one as absent."""
    rows = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    records: list[Record] = []
    try:
        for row in rows:
            if None in row:
                raise InputError(f"{path}:{rows.line_num}: expected {len(rows.fieldnames or [])} columns, found more")
            records.append(
                (rows.line_num, {key: _cell(path, rows.line_num, key, text) for key, text in row.items() if text})
            )
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}: not valid CSV ({error})") from None
    return records


def read_parquet(path: Path) -> list[Record]:
    """A Parquet table; lists and structs stay what they are, nulls are absent. Rows count from 1."""
    import pyarrow.lib
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(read_bytes(path)))
    except pyarrow.lib.ArrowException as error:
        raise InputError(f"{path}: not a Parquet file ({str(error).splitlines()[0]})") from None
    rows = table.to_pylist()
    return [(i, {k: v for k, v in row.items() if v is not None}) for i, row in enumerate(rows, start=1)]


READERS: dict[str, Callable[[Path], list[Record]]] = {
    ".jsonl": read_jsonl,
    ".json": read_json_list,
    ".csv": read_csv,
    ".parquet": read_parquet,
}


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\r", "\n") and position < len(text):
        position += 1
    return position


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _cell(path: Path, line: int, key: str, text: str) -> Any:
    if not text.startswith("["):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{line}: {key}: begins with [ but is not a JSON list ({error.msg})") from None
