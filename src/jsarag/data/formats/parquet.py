"""Parquet tables."""

from __future__ import annotations

import io
from pathlib import Path

from jsarag.files import Record, read_bytes
from jsarag.types import InputError


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
