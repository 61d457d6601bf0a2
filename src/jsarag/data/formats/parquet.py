"""Parquet tables."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from jsarag.files import Record, read_bytes
from jsarag.types import InputError


def read_parquet(path: Path) -> list[Record]:
    """A Parquet table; lists, structs and maps stay what they are, nulls are absent. Rows count from 1."""
    import pyarrow.lib
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(read_bytes(path)))
    except pyarrow.lib.ArrowException as error:
        raise InputError(f"{path}: not a Parquet file ({str(error).splitlines()[0]})") from None
    try:
        rows = table.to_pylist(maps_as_pydicts="strict")
    except KeyError as error:
        raise InputError(f"{path}: a map names a key twice ({error.args[0]})") from None
    # A column of objects is one struct with the fields of all rows, null where a row has no such field.
    return [
        (i, {k: _fields(v) if isinstance(v, dict) else v for k, v in row.items() if v is not None})
        for i, row in enumerate(rows, start=1)
    ]


def _fields(value: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in value.items() if v is not None}
