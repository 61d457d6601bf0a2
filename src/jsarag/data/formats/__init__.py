"""File formats by extension: a new format is one file here and one line of `READERS`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jsarag.data.formats.csv import read_csv, read_tsv
from jsarag.data.formats.excel import read_excel, refuse_old
from jsarag.data.formats.hub import is_address, read_hub
from jsarag.data.formats.json import read_json, read_jsonl
from jsarag.data.formats.parquet import read_arrow, read_parquet, read_saved
from jsarag.data.formats.raw import AUTO
from jsarag.data.formats.table import Table
from jsarag.data.formats.text import read_text
from jsarag.display import Display, Silent
from jsarag.types import InputError

__all__ = ["AUTO", "READERS", "Table", "is_address", "read_table"]

READERS: dict[str, Callable[[Path, str], Table]] = {
    ".jsonl": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".xlsx": read_excel,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".txt": read_text,
    ".md": read_text,
    ".ndjson": read_jsonl,
    ".xlsm": read_excel,
    ".xls": refuse_old,
}
_SHOWN = ".jsonl, .json, .csv, .tsv, .xlsx, .parquet, .arrow, .txt, .md"


def read_table(path: Path, encoding: str = AUTO, display: Display | None = None) -> Table:
    """Read a file by the reader of its extension, which .gz may follow; a folder that `datasets` saved; the hub.

    Raises:
        InputError: a missing or unreadable file, an unknown extension, or content that is not of the format.
    """
    if is_address(path):
        return read_hub(str(path), display or Silent())
    if path.is_dir():
        return read_saved(path)
    name = path.name.lower().removesuffix(".gz")
    reader = READERS.get(Path(name).suffix)
    if reader is None and len(path.parts) == 2 and not path.exists():
        raise InputError(f"{path}: no such file; a data set of the hub is named hf:{path}")
    if reader is None:
        raise InputError(f"{path}: expected a file ending in {_SHOWN}")
    return reader(path, encoding)
