"""CSV with a header line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from jsarag.files import JSON, Record, read_text
from jsarag.types import InputError


def read_csv(path: Path) -> list[Record]:
    """CSV with a header; an empty cell is absent.

    A cell that begins with [ is read as a JSON list, and one of the column gold that begins with { as a JSON object.
    """
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


def _cell(path: Path, line: int, key: str, text: str) -> Any:
    kind = {"[": "list", "{": "object"}.get(text[0])
    # Any text may begin with a brace; grades alone are objects.
    if kind is None or (kind == "object" and key != "gold"):
        return text
    try:
        return JSON.decode(text)
    except json.JSONDecodeError as error:
        expected = f"begins with {text[0]} but is not a JSON {kind}"
        raise InputError(f"{path}:{line}: {key}: {expected} ({error.msg})") from None
