"""Which column, or which place within one, holds what jsarag reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsarag.checks import require
from jsarag.data.literal import structured

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")


@dataclass(frozen=True)
class Columns:
    """Where fields lie, for files that name them otherwise; null: found by the names that are common.

    A column, or a place within one, such as ``ticket.subject``, ``messages[0].content`` or ``answers[*].text``.

    Attributes:
        id: Id of a pair.
        input: The question, or the last user turn of a dialog.
        outputs: The accepted answers.
        gold: Ids of the passages marked as right.
        history: The turns before the question.
        exclude: Ids of passages that are no answer to the pair.
        passage: Id of a passage.
        title: Title of a passage.
        text: Text of a passage.
    """

    id: str | None = None
    input: str | None = None
    outputs: str | None = None
    gold: str | None = None
    history: str | None = None
    exclude: str | None = None
    passage: str | None = None
    title: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        for name, path in vars(self).items():
            require(path is None or bool(path and steps(path)), f"data.columns.{name}", "a column or a path", path)


def steps(path: str) -> list[str | int]:
    """``a.b[0].c`` as its names and numbers, ``*`` for all items; empty where it is no path."""
    found: list[str | int] = []
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return []
        name, item = step.groups()
        found.append(name if name is not None else item if item == "*" else int(item))
        position = step.end()
    return found


def value_at(record: Mapping[str, Any], path: str) -> Any:
    """What a record holds there; None where it holds nothing. A column of exactly that name goes before a path."""
    return record[path] if path in record else _inner(record, steps(path))


def _inner(value: Any, way: list[str | int]) -> Any:
    if not way:
        return value
    step, rest = way[0], way[1:]
    if isinstance(value, str):
        value = structured(value)
    if step == "*":
        inner = [_inner(item, rest) for item in value] if isinstance(value, list | tuple) else []
        return [item for item in inner if item is not None] or None
    if isinstance(step, int):
        return _inner(value[step], rest) if isinstance(value, list | tuple) and step < len(value) else None
    return _inner(value.get(step), rest) if isinstance(value, Mapping) else None
