"""Prompts and completions, each a text or a list of chat messages as in TRL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jsarag.data import names
from jsarag.data.columns import Columns
from jsarag.data.names import absent
from jsarag.data.shapes.base import Found, LeftOut, Made, Shape, Sheet
from jsarag.data.shapes.dialogs import Dialog, Said, pairs_of, sides
from jsarag.data.shapes.pairs import NO_INPUT, NO_OUTPUT
from jsarag.data.shapes.turns import ANSWERER, USER, NotTurnsError, turns

COMPLETION = ("completion", "response", "chosen", "answer", "output")


def _matches(sheet: Sheet) -> bool:
    column = sheet.column(["prompt"])
    return sheet.has(COMPLETION) and any(
        isinstance(sheet.listed(record, column), list) for record in sheet.records[:100] if column is not None
    )


def _read(sheet: Sheet, columns: Columns) -> Iterator[Made]:
    prompt, completion = sheet.take(["prompt"]), sheet.take(COMPLETION)
    key = sheet.take(names.ID, columns.id, "id")
    dialogs: list[Dialog] = []
    for number, record in enumerate(sheet.records):
        asked, answered = sheet.listed(record, prompt), sheet.listed(record, completion)
        if absent(asked) or absent(answered):
            yield LeftOut(number, NO_INPUT if absent(asked) else NO_OUTPUT)
            continue
        try:
            said = [*_turns(asked, USER), *_turns(answered, ANSWERER)]
        except NotTurnsError:
            yield LeftOut(number, "without messages")
            continue
        name = sheet.value(record, key)
        dialog = Dialog(sheet.ids[number] if absent(name) else str(name))
        dialog.turns = [Said(number, role, text) for role, text in said]
        dialogs.append(dialog)
    side = sides((turn.role for dialog in dialogs for turn in dialog.turns), sheet.path)
    for dialog in dialogs:
        made = list(pairs_of(dialog, side, leading=True))
        yield from (one for one in made if isinstance(one, LeftOut))
        # What the prompt holds has been said: its last question alone is to be answered.
        last = [one for one in made if isinstance(one, Found)][-1:]
        yield from (replace(one, dialog="", id=dialog.id) for one in last)


def _turns(value: Any, role: str) -> list[tuple[str, str]]:
    if isinstance(value, str):
        return [(role, value)]
    return [(turn.role, turn.text) for turn in turns(value)]


PROMPTS = Shape("prompts and completions", _matches, _read)
