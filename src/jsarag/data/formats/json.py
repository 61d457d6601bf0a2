"""JSON: a list of objects, one object a line, an object that holds them, and what pandas writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jsarag.data.formats.raw import AUTO, decoded, unpacked
from jsarag.data.formats.table import Table, named
from jsarag.data.names import ALL, plain_name
from jsarag.files import JSON, Record
from jsarag.types import InputError

HOLDERS = (
    "data", "rows", "records", "examples", "items", "passages", "documents", "docs", "pairs", "results", "train",
    "validation", "dev", "test", "samples", "entries",
)  # fmt: skip
"""Names under which an object holds the list of records."""


def read_json(path: Path, encoding: str = AUTO) -> Table:
    """A list of objects, an object that holds one, an object a line, or what pandas' ``to_json`` writes.

    Raises:
        InputError: not JSON, with the line; objects without names; several lists in one object.
    """
    return _whole(path, *decoded(path, unpacked(path), encoding))


def _whole(path: Path, text: str, found: tuple[str, ...]) -> Table:
    start = _skip(text, 0)
    if text[start : start + 1] == "[":
        return Table(_listed(path, text, start), found)
    if text[start : start + 1] != "{":
        line = text.count("\n", 0, start) + 1
        raise InputError(f"{path}:{line}: expected a JSON list of objects, or one object a line")
    objects = _values(path, text)
    if len(objects) != 1:
        return Table(objects, found)
    line, value = objects[0]
    return Table(_held(path, line, value, text), found)


def read_jsonl(path: Path, encoding: str = AUTO) -> Table:
    """One object a line; blank lines are skipped, and lines end at ``\\n`` alone.

    A file that is one list, or one object over several lines, is read as `read_json` reads it.
    ``str.splitlines`` would also split at U+2028, which is legal inside a JSON string.
    """
    text, found = decoded(path, unpacked(path), encoding)
    records: list[Record] = []
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append((number, JSON.decode(line)))
            except json.JSONDecodeError as error:
                faults.append((number, f"not valid JSON ({error.msg} at column {error.colno})"))
    if len(records) == 1 and not faults and isinstance(records[0][1], dict):
        return Table(_held(path, *records[0], text, lone=False), found)
    lone = len(records) == 1 and not faults
    if lone or (faults and (not records or faults[0][0] < records[0][0])):
        with suppress(InputError):
            return _whole(path, text, found)
    return Table(records, found, tuple(faults))


def _listed(path: Path, text: str, start: int) -> list[Record]:
    """The members of the list that begins there, each with the line on which it begins."""
    records: list[Record] = []
    line = _Lines(text)
    position = _skip(text, start + 1)
    while text[position : position + 1] != "]":
        value, end = _value(path, text, position)
        records.append((line(position), value))
        position = _skip(text, end)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        elif text[position : position + 1] != "]":
            raise InputError(f"{path}:{line(position)}: not valid JSON (expected ',' or ']')")
    if _skip(text, position + 1) < len(text):
        raise InputError(f"{path}:{line(_skip(text, position + 1))}: not valid JSON (more after its end)")
    if records and not any(isinstance(value, Mapping) for _, value in records):
        hint = "; pandas' orient 'values' writes no names: use orient='records'" * isinstance(records[0][1], list)
        kind = type(records[0][1]).__name__
        raise InputError(f"{path}:{records[0][0]}: expected an object with named fields, found {kind}{hint}")
    return records


def _values(path: Path, text: str) -> list[Record]:
    """Values one after the other, with blanks between them."""
    records: list[Record] = []
    line = _Lines(text)
    position = _skip(text, 0)
    while position < len(text):
        value, end = _value(path, text, position)
        records.append((line(position), value))
        position = _skip(text, end)
    return records


def _held(path: Path, line: int, value: dict[str, Any], text: str, *, lone: bool = True) -> list[Record]:
    """The records that a lone object holds; itself, where it is one.

    ``lone``: an object of columns or of labelled records is no record; where one a line is expected, it may be.
    """
    if isinstance(value.get("columns"), list) and _all(value.get("data"), list):  # pandas' orient "split"
        return [(line, row) for row in named([str(name) for name in value["columns"]], value["data"])]
    holders = [name for name in value if plain_name(name) in HOLDERS and _all(value[name], Mapping)]
    if len(holders) > 1:
        raise InputError(f"{path}:{line}: holds several lists ({', '.join(holders)}): put each into a file of its own")
    if holders:
        key = value.get("schema", {}).get("primaryKey", ()) if isinstance(value.get("schema"), Mapping) else ()
        rows = [{k: v for k, v in row.items() if k not in key or k != "index"} for row in value[holders[0]]]
        if all(isinstance(row.get("row"), Mapping) and "row_idx" in row for row in rows):  # the hub's viewer
            rows = [row["row"] for row in rows]
        return list(zip(_lines_of(text, holders[0], len(rows), line), rows, strict=True))
    columns = list(value.values()) if lone else []
    if len(value) > 1 and _all(columns, list) and len({len(column) for column in columns}) == 1 and columns[0]:
        return [(line, row) for row in named(list(value), list(zip(*columns, strict=True)))]
    if _all(columns, Mapping) and all(columns) and (rows := _labelled(value)):
        return [(line, row) for row in rows]
    return [(line, value)]


def _labelled(value: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects by label: columns that hold a value for each row, or rows that hold one for each column."""
    labels = list(dict.fromkeys(label for inner in value.values() for label in inner))
    known, inside = _known(value), _known(labels)
    if all(len(inner) == len(labels) for inner in value.values()) and not inside and (known or _counted(labels)):
        rows = {label: {name: inner[label] for name, inner in value.items()} for label in labels}
    elif not known and (inside or _counted(value)):
        rows = value
    else:
        return []
    filled = {label: {k: v for k, v in row.items() if v is not None} for label, row in rows.items()}
    if _counted(filled) or any("id" in map(plain_name, row) for row in filled.values()):
        return list(filled.values())
    return [{"id": label, **row} for label, row in filled.items()]


def _known(names: Any) -> int:
    return sum(plain_name(name) in ALL for name in names)


def _counted(labels: Any) -> bool:
    return all(str(label).isdigit() for label in labels)


def _all(values: Any, kind: type) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, kind) for value in values)


def _lines_of(text: str, holder: str, number: int, usual: int) -> Iterator[int]:
    """The lines on which the members of the outermost object's list begin."""
    position = _skip(text, 0) + 1
    line = _Lines(text)
    while True:
        name, end = JSON.raw_decode(text, _skip(text, position))
        begin = _skip(text, _skip(text, end) + 1)
        if name == holder:
            break
        position = _skip(text, _skip(text, JSON.raw_decode(text, begin)[1]) + 1)
    for _ in range(number):
        begin = _skip(text, begin + 1)
        yield line(begin)
        begin = _skip(text, JSON.raw_decode(text, begin)[1])


class _Lines:
    """Lines of places that come one after the other."""

    def __init__(self, text: str) -> None:
        self.text, self.position, self.line = text, 0, 1

    def __call__(self, position: int) -> int:
        self.line += self.text.count("\n", self.position, position)
        self.position = position
        return self.line


def _value(path: Path, text: str, position: int) -> tuple[Any, int]:
    try:
        return JSON.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not valid JSON ({error.msg})") from None


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\r", "\n") and position < len(text):
        position += 1
    return position
