"""What ChatGPT exports: conversations as trees of messages, of which the last branch is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent
from jsarag.data.shapes.base import Made, Shape, Sheet
from jsarag.data.shapes.dialogs import Dialog, Said, pairs_of, sides


def _branch(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The messages from the root to the current node, or to the last one."""
    nodes: Any = record.get("mapping")
    if not isinstance(nodes, Mapping):
        return []
    found: list[Mapping[str, Any]] = []
    name, seen = record.get("current_node") or next(reversed(list(nodes)), None), set[str]()
    while isinstance(node := nodes.get(name), Mapping) and name not in seen:
        seen.add(str(name))
        message = node.get("message")
        found += [message] if isinstance(message, Mapping) else []
        name = node.get("parent")
    return found[::-1]


def _said(number: int, i: int, message: Mapping[str, Any]) -> Said:
    author, content = message.get("author"), message.get("content")
    role = author.get("role") if isinstance(author, Mapping) else None
    parts = content.get("parts") if isinstance(content, Mapping) else None
    text = "\n".join(part for part in parts if isinstance(part, str)) if isinstance(parts, list) else None
    return Said(number, str(role or ""), text, str(i))


def _read(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    sheet.used |= {"mapping", "current_node", "title"}
    key = sheet.take((*names.DIALOG, *names.ID), columns.id, "id")
    dialogs = []
    for number, record in enumerate(sheet.records):
        name = sheet.value(record, key)
        turns = [_said(number, i, message) for i, message in enumerate(_branch(record))]
        dialogs.append(Dialog(sheet.ids[number] if absent(name) else str(name), turns))
    side = sides((turn.role for dialog in dialogs for turn in dialog.turns if turn.role), sheet.path)
    for dialog in dialogs:
        yield from pairs_of(dialog, side, leading=True)


CHATGPT = Shape("ChatGPT conversations", lambda sheet: any(_branch(record) for record in sheet.records[:100]), _read)
