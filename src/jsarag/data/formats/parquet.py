"""Parquet tables, Arrow files, and the folders that `datasets` writes with ``save_to_disk``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from jsarag.data.formats.raw import AUTO, unpacked
from jsarag.data.formats.table import Table
from jsarag.files import Record, read_json
from jsarag.types import InputError

SAVED, SPLITS = "state.json", "dataset_dict.json"
"""What a folder of `datasets` holds: of one split, of several."""


def read_parquet(path: Path, encoding: str = AUTO) -> Table:
    """A Parquet table; lists, structs and maps stay what they are, nulls are absent. Rows count from 1."""
    import pyarrow.lib
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(unpacked(path)))
    except (pyarrow.lib.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a Parquet file ({_first(error)})") from None
    return Table(_records(path, table))


def read_arrow(path: Path, encoding: str = AUTO) -> Table:
    """An Arrow file, as a stream or with random access."""
    return Table(_records(path, _arrow(path)))


def read_saved(folder: Path) -> Table:
    """A split that `datasets` wrote with ``save_to_disk``.

    Raises:
        InputError: a folder of several splits, of which one is to be named, or of anything else.
    """
    import pyarrow

    if (folder / SPLITS).is_file():
        splits = read_json(folder / SPLITS).get("splits", [])
        named = ", ".join(str(folder / split) for split in splits)
        raise InputError(f"{folder}: holds several splits; name one of {named}")
    if not (folder / SAVED).is_file():
        raise InputError(
            f"{folder}: expected a file, found a folder; join text files into one: cat {folder}/*.txt > kb.txt"
        )
    files = [folder / entry["filename"] for entry in read_json(folder / SAVED)["_data_files"]]
    return Table(_records(folder, pyarrow.concat_tables([_arrow(file) for file in files], promote_options="default")))


def _arrow(path: Path) -> Any:
    import pyarrow.ipc

    raw = io.BytesIO(unpacked(path))
    try:
        try:
            return pyarrow.ipc.open_stream(raw).read_all()
        except pyarrow.ArrowInvalid:
            raw.seek(0)
            return pyarrow.ipc.open_file(raw).read_all()
    except (pyarrow.lib.ArrowException, OSError) as error:
        raise InputError(f"{path}: not an Arrow file ({_first(error)})") from None


def _records(path: Path, table: Any) -> list[Record]:
    import pyarrow.lib

    try:
        rows = table.to_pylist(maps_as_pydicts="strict")
    except KeyError as error:
        raise InputError(f"{path}: a map names a key twice ({error.args[0]})") from None
    except (pyarrow.lib.ArrowException, ValueError, OverflowError) as error:  # text that is none, a date beyond all
        raise InputError(f"{path}: holds a value that cannot be read ({_first(error)})") from None
    # A column of objects is one struct with the fields of all rows, null where a row has no such field.
    return [(i, {k: filled(v) for k, v in row.items() if v is not None}) for i, row in enumerate(rows, start=1)]


def filled(value: Any) -> Any:
    """A value without the nulls of its structs."""
    if isinstance(value, dict):
        return {k: filled(v) for k, v in value.items() if v is not None}
    return [filled(item) for item in value] if isinstance(value, list) else value


def _first(error: Exception) -> str:
    return (str(error).splitlines() or ["empty"])[0]
