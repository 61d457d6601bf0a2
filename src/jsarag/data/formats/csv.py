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


def _cell(path: Path, line: int, key: str, text: str) -> Any:
    if not text.startswith("["):
        return text
    try:
        return JSON.decode(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{line}: {key}: begins with [ but is not a JSON list ({error.msg})") from None
