"""A dialog a record: chat messages, and ShareGPT's conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent, plain_name
from jsarag.data.shapes.base import Found, LeftOut, Made, Shape, Sheet
from jsarag.data.shapes.dialogs import Dialog, Said, pairs_of, sides
from jsarag.data.shapes.turns import said
from jsarag.types import InputError

IDS = (*names.DIALOG, *names.ID)


def _messages(sheet: Sheet) -> str | None:
    """The column that holds lists of turns."""
    for name in names.MESSAGES:
        column = sheet.column([name])
        values = (sheet.listed(record, column) for record in sheet.records[:100])
        if any(_is_chat(value) for value in values if not absent(value)):
            return column
    return None


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(turn, Mapping) and said(turn)[0] is not None for turn in value)


def _is_sharegpt(sheet: Sheet) -> bool:
    column = _messages(sheet)
    if column is None:
        return False
    chats = (sheet.listed(record, column) for record in sheet.records)
    first: list[Any] = next((chat for chat in chats if not absent(chat) and _is_chat(chat)), [])
    return any("from" in map(plain_name, turn) for turn in first)


def _read(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    column = _messages(sheet)
    assert column is not None
    sheet.used.add(column)
    key = sheet.take(IDS, columns.id, "id")
    dialogs: list[Dialog] = []
    seen: set[str] = set()
    for number, record in enumerate(sheet.records):
        name = sheet.value(record, key)
        dialog = Dialog(str(number + 1) if absent(name) else str(name))
        dialogs.append(dialog)
        if dialog.id in seen:
            raise InputError(f"{sheet.places[number]}: dialog {dialog.id!r} is there twice")
        seen.add(dialog.id)
        value = sheet.listed(record, column)
        for i, turn in enumerate(value if isinstance(value, list) else []):
            role, text = said(turn) if isinstance(turn, Mapping) else (None, None)
            dialog.turns.append(Said(number, role or "", text, str(i)))
    side = sides((turn.role for dialog in dialogs for turn in dialog.turns if turn.role), sheet.path)
    for number, dialog in enumerate(dialogs):
        made = list(pairs_of(dialog, side, leading=True))
        yield from made
        if not any(isinstance(one, Found) for one in made):
            yield LeftOut(number, "dialogs without a question and its answer")


MESSAGES = Shape("chat messages", lambda sheet: _messages(sheet) is not None, _read)
SHAREGPT = Shape("ShareGPT conversations", _is_sharegpt, _read)
