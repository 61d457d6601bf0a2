"""File formats by extension: a new format is one file here and one line of `READERS`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jsarag.data.formats.csv import read_csv
from jsarag.data.formats.json import read_json
from jsarag.data.formats.parquet import read_parquet
from jsarag.files import Record, read_jsonl
from jsarag.types import InputError

READERS: dict[str, Callable[[Path], list[Record]]] = {
    ".jsonl": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".parquet": read_parquet,
}


def read_records(path: Path) -> list[Record]:
    """Read a file by the reader of its extension.

    Raises:
        InputError: a missing or unreadable file, an unknown extension, or content that is not of the format.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: expected a file ending in {', '.join(READERS)}")
    return reader(path)
