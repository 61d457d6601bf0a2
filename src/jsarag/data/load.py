"""Passages and examples, checked, from files and from objects: an error names file, line and field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sized
from pathlib import Path
from typing import Any, TypeVar

from jsarag.data.columns import Columns
from jsarag.data.formats import AUTO, Table
from jsarag.data.reading import Reading, examples_of, passages_of, read_examples, read_passages, sheet_of
from jsarag.data.shapes import Sheet
from jsarag.types import Example, InputError, Passage

Item = TypeVar("Item", Passage, Example)


def load_passages(path: str | Path, *, columns: Columns | None = None, encoding: str = AUTO) -> list[Passage]:
    """Read passages, {id, title, text} or any other shape that is known; the title may be absent.

    Args:
        path: The file.
        columns: Where fields lie, if under other names than the common ones.
        encoding: Of text; ``auto``: found out.

    Raises:
        InputError: doubled ids, empty text (but of the null passage), wrong types, no passage at all, an unreadable
            file or one of no known shape; or a file that `jsarag data` wrote and that is no longer what it wrote.
    """
    return sound(read_passages(path, columns, encoding), path)


def load_examples(
    path: str | Path,
    *,
    passage_ids: Collection[str] | None = None,
    limit: int | None = None,
    columns: Columns | None = None,
    encoding: str = AUTO,
) -> list[Example]:
    """Read pairs, {id, input, outputs, gold?, exclude?, history?} or any other shape that is known.

    ``gold`` is a list of ids, or {id: grade}. A history whose last turn repeats the input loses that turn, so that
    ``Example.history`` never holds the input.

    Args:
        path: The file.
        passage_ids: Ids that ``gold`` and ``exclude`` may name; None: not checked.
        limit: Keep the first so many.
        columns: Where fields lie, if under other names than the common ones.
        encoding: Of text; ``auto``: found out.

    Raises:
        InputError: doubled ids, empty texts, wrong types, a grade that is no whole number from 0 up, unknown ids of
            passages, a gold passage that is excluded, no example, an unreadable file or one of no known shape.
    """
    return sound(read_examples(path, columns, passage_ids, encoding), path)[:limit]


def sound(reading: Reading[Item], path: str | Path | None = None) -> list[Item]:
    """The items of what has no mistakes; ``path`` is its file.

    Raises:
        InputError: the first mistake, and how many there are.
    """
    if not reading.problems:
        return reading.items
    first, more = str(reading.problems[0]), len(reading.problems) - 1
    if more:
        listed = f"; `jsarag data check {path}` lists all" if path else ""
        first += f" (and {more:,} more problem{'s' * (more > 1)}{listed})"
    raise InputError(first)


def as_passages(items: Iterable[Passage | Mapping[str, Any]]) -> list[Passage]:
    """Passages from objects: `Passage`, or records as in a file; where no id is given it is the position.

    Raises:
        InputError: as `load_passages`.
    """
    listed = _listed(items, "passages")
    return _merged(listed, "passages", Passage, lambda sheet: passages_of(sheet, Columns()))


def as_examples(
    items: Iterable[Example | Mapping[str, Any]], *, passage_ids: Collection[str] | None = None
) -> list[Example]:
    """Examples from objects: `Example`, or records as in a file; an id that is not given is the position.

    Takes a list, a `datasets.Dataset`, or anything else whose length is known.

    Raises:
        InputError: as `load_examples`.
    """
    listed = _listed(items, "examples")
    return _merged(listed, "examples", Example, lambda sheet: examples_of(sheet, Columns(), passage_ids))


def _listed(items: Iterable[Any], what: str) -> list[Any]:
    if not isinstance(items, Sized):
        raise InputError(f"{what}: expected a list or something else whose length is known, got {type(items).__name__}")
    listed = list(items)
    if not listed:
        raise InputError(f"{what}: expected at least one, got none")
    return listed


def _merged(listed: list[Any], what: str, kind: type[Item], read: Callable[[Sheet], Reading[Item]]) -> list[Item]:
    """Objects of their kind as they are, and among them what the records hold."""
    found: dict[int, list[Item]] = {i: [item] for i, item in enumerate(listed) if isinstance(item, kind)}
    others = [i for i in range(len(listed)) if i not in found]
    if others:
        table = Table([(i, listed[i]) for i in others])
        places = [f"{what}[{i}]" for i in others]
        reading = read(sheet_of(what, table, ids=[str(i) for i in others], places=places, fill=True))
        for item, number in zip(sound(reading), reading.numbers, strict=True):
            found.setdefault(others[number], []).append(item)
    places_of = [(item, f"{what}[{i}]") for i in sorted(found) for item in found[i]]
    first: dict[str, str] = {}
    for item, place in places_of:
        if item.id in first:
            raise InputError(f"{place}: id {item.id!r} is there twice, first at {first[item.id]}")
        first[item.id] = place
    return [item for item, _ in places_of]
