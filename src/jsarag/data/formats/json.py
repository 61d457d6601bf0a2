"""JSON: one list of objects."""

from __future__ import annotations

import json
from pathlib import Path

from jsarag.files import JSON, Record, read_text
from jsarag.types import InputError


def read_json(path: Path) -> list[Record]:
    """A JSON file that holds a list of objects, each with the line on which it begins."""
    text = read_text(path)
    position = _skip(text, 0)
    if text[position : position + 1] != "[":
        raise InputError(f"{path}:{_line(text, position)}: expected a JSON list of objects")
    records: list[Record] = []
    position = _skip(text, position + 1)
    while text[position : position + 1] != "]":
        try:
            value, end = JSON.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}:{error.lineno}: not valid JSON ({error.msg})") from None
        records.append((_line(text, position), value))
        position = _skip(text, end)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
        elif text[position : position + 1] != "]":
            raise InputError(f"{path}:{_line(text, position)}: not valid JSON (expected ',' or ']')")
    return records


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\t", "\r", "\n") and position < len(text):
        position += 1
    return position


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
