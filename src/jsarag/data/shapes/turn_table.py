"""A turn a row, as chats are exported to tables: a dialog, who speaks, what is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent
from jsarag.data.shapes.base import LeftOut, Made, Shape, Sheet
from jsarag.data.shapes.dialogs import Dialog, Said, pairs_of, sides


def _matches(sheet: Sheet) -> bool:
    asked = sheet.has(("question", "query", "prompt")) and sheet.has(names.OUTPUTS)
    return sheet.has(names.DIALOG) and sheet.has(names.ROLE) and sheet.has(names.SAID) and not asked


def _read(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    of, role = sheet.take(names.DIALOG), sheet.take(names.ROLE)
    text, turn = sheet.take(names.SAID), sheet.take(names.TURN)
    dialogs: dict[str, Dialog] = {}
    for number, record in enumerate(sheet.records):
        name = sheet.value(record, of)
        if absent(name):
            yield LeftOut(number, "turns of no dialog")
            continue
        dialog = dialogs.setdefault(str(name), Dialog(str(name)))
        what, who = sheet.value(record, text), sheet.value(record, role)
        said = str(what) if isinstance(what, str | int | float) else None
        dialog.turns.append(Said(number, "" if who is None else str(who), said, _number(sheet.value(record, turn))))
    side = sides((one.role for dialog in dialogs.values() for one in dialog.turns if one.role), sheet.path)
    for dialog in dialogs.values():
        if all(one.name.isdigit() for one in dialog.turns):
            dialog.turns.sort(key=lambda one: int(one.name))
        if len({one.name for one in dialog.turns}) < len(dialog.turns):
            dialog.turns = [Said(one.number, one.role, one.text, str(i)) for i, one in enumerate(dialog.turns)]
        yield from pairs_of(dialog, side)


def _number(value: Any) -> str:
    return "" if value is None else str(value).removesuffix(".0")


TURNS = Shape("chat turns, one a row", _matches, _read)
