"""Passages and examples from records, checked: every error names file, line, field and what was expected."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sized
from pathlib import Path
from typing import Any, TypeVar

from jsarag.checksums import check_converted
from jsarag.data.formats import read_records
from jsarag.types import NULL, Example, InputError, Passage, Turn, judged

Item = TypeVar("Item")

ALIASES = ("output", "answer", "answers", "response", "target")
"""Names other data sets give to ``outputs``; met in an error, they are pointed at."""


def load_passages(path: str | Path) -> list[Passage]:
    """Read {id, title, text} records; the title may be absent, and both texts in the null passage.

    Raises:
        InputError: missing or doubled ids, empty text, wrong types, no passage at all, or an unreadable file; or a file
            that `jsarag data` wrote and that is no longer what it wrote.
    """
    return [_passage(fields) for fields in _records(Path(path), "passages")]


def as_passages(items: Iterable[Passage | Mapping[str, Any]]) -> list[Passage]:
    """Passages from objects: `Passage`, or {id, title, text} as in a file; where no id is given it is the position.

    Raises:
        InputError: as `load_passages`.
    """
    return [item if isinstance(item, Passage) else _passage(item) for item in _objects(items, "passages", Passage)]


def load_examples(
    path: str | Path, *, passage_ids: Collection[str] | None = None, limit: int | None = None
) -> list[Example]:
    """Read {id, input, outputs, gold?, exclude?, history?} records; gold is a list of ids, or {id: grade}.

    A history whose last turn repeats the input loses that turn, so that ``Example.history`` never holds the input.

    Args:
        path: The file.
        passage_ids: Ids that ``gold`` and ``exclude`` may name; None: not checked.
        limit: Keep the first so many.

    Raises:
        InputError: missing or doubled ids, empty texts, wrong types, a grade that is no whole number from 0 up, unknown
            ids of passages, a gold passage that is excluded, no example, an unreadable file.
    """
    return [_example(fields, passage_ids) for fields in _records(Path(path), "examples")[:limit]]


def as_examples(
    items: Iterable[Example | Mapping[str, Any]], *, passage_ids: Collection[str] | None = None
) -> list[Example]:
    """Examples from objects: `Example`, or {input, outputs, ...} as in a file; an id that is not given is the position.

    Takes a list, a `datasets.Dataset`, or anything else whose length is known.

    Raises:
        InputError: as `load_examples`.
    """
    found = _objects(items, "examples", Example)
    return [item if isinstance(item, Example) else _example(item, passage_ids) for item in found]


def _passage(fields: _Fields) -> Passage:
    title = fields.text("title") if fields.has("title") else ""
    null = fields.id() == NULL and not title and not fields.has("text")
    return Passage(fields.id(), title, "" if null else fields.text("text"))


def _example(fields: _Fields, passage_ids: Collection[str] | None) -> Example:
    marked = fields.grades("gold")
    exclude = fields.texts("exclude") if fields.has("exclude") else ()
    for name, ids in {"gold": marked, "exclude": exclude}.items():
        unknown = next((i for i in ids if passage_ids is not None and i not in passage_ids), None)
        if unknown is not None:
            raise fields.wrong(name, "ids of passages in the knowledge base", unknown)
    gold, grades = judged(marked)
    both = next((i for i in exclude if i in gold), None)
    if both is not None:
        raise fields.wrong("exclude", "ids of passages that are not gold", both)
    x, history = fields.text("input"), fields.turns("history")
    if history and history[-1].text.strip() == x.strip():
        history = history[:-1]
    outputs = fields.texts("outputs", needed=True)
    return Example(fields.id(), x, outputs, gold, history, grades, exclude)


class _Fields:
    """One record with the place it came from."""

    def __init__(self, where: str, record: Any) -> None:
        self.where = where
        if not isinstance(record, Mapping):
            raise InputError(f"{self.where}: expected an object with named fields, found {type(record).__name__}")
        self.record: Mapping[str, Any] = record

    def has(self, name: str) -> bool:
        return self.record.get(name) not in (None, "", [], {})

    def id(self) -> str:
        value = self.record.get("id")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text("id")

    def text(self, name: str) -> str:
        value = self._present(name)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(name, "text that is not empty", value)
        return value

    def texts(self, name: str, *, needed: bool = False) -> tuple[str, ...]:
        value = self._present(name)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) and v.strip() for v in values):
            raise self.wrong(name, "a list of texts that are not empty", value)
        if needed and not values:
            raise self.wrong(name, "at least one text", value)
        return tuple(values)

    def grades(self, name: str) -> dict[str, int]:
        """A grade for each id: those of an object, 1 for the ids of a list."""
        value = self.record.get(name)
        if not isinstance(value, dict):
            return dict.fromkeys(self.texts(name), 1) if self.has(name) else {}
        for key, grade in value.items():
            if not isinstance(grade, int) or isinstance(grade, bool) or grade < 0:
                raise self.wrong(name, f"a whole number from 0 up as grade of {key!r}", grade)
        return value

    def turns(self, name: str) -> tuple[Turn, ...]:
        value = self.record.get(name) or []
        turns = value if isinstance(value, list | tuple) else None
        if turns is None or not all(
            isinstance(t, Mapping) and isinstance(t.get("role"), str) and isinstance(t.get("text"), str) for t in turns
        ):
            raise self.wrong(name, "a list of {role, text}", value)
        return tuple(Turn(t["role"], t["text"]) for t in turns)

    def wrong(self, name: str, expected: str, value: object) -> InputError:
        shown = repr(value)
        return InputError(f"{self.where}: {name}: expected {expected}, got {shown[:80] + '...' * (len(shown) > 80)}")

    def _present(self, name: str) -> Any:
        if name in self.record:
            return self.record[name]
        alias = next((a for a in ALIASES if name == "outputs" and a in self.record), None)
        hint = f" (it has {alias!r}: rename it to 'outputs')" if alias else ""
        raise InputError(f"{self.where}: no field {name!r}{hint}; it has {', '.join(map(str, self.record)) or 'none'}")


def _records(path: Path, what: str) -> list[_Fields]:
    check_converted(path)
    records = [_Fields(f"{path}:{line}", record) for line, record in read_records(path)]
    if not records:
        raise InputError(f"{path}: holds no {what}")
    _refuse_doubles((fields.id(), fields.where) for fields in records)
    return records


def _objects(items: Iterable[Any], what: str, kind: type[Item]) -> list[Item | _Fields]:
    """Objects of their kind as they are, all others with their fields and an id."""
    if not isinstance(items, Sized):
        raise InputError(f"{what}: expected a list or something else whose length is known, got {type(items).__name__}")
    found: list[Item | _Fields] = []
    for i, item in enumerate(items):
        numbered = {"id": str(i), **item} if isinstance(item, Mapping) else item
        found.append(item if isinstance(item, kind) else _Fields(f"{what}[{i}]", numbered))
    if not found:
        raise InputError(f"{what}: expected at least one, got none")
    _refuse_doubles(
        (item.id() if isinstance(item, _Fields) else item.id, f"{what}[{i}]")  # type: ignore[attr-defined]
        for i, item in enumerate(found)
    )
    return found


def _refuse_doubles(named: Iterable[tuple[str, str]]) -> None:
    first: dict[str, str] = {}
    for name, where in named:
        if name in first:
            raise InputError(f"{where}: id {name!r} is there twice, first at {first[name]}")
        first[name] = where
