"""From values as people write them to the fields of a passage or an example; every mistake is noted, none raised."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from jsarag.checks import closest
from jsarag.data.answers import texts_of
from jsarag.data.literal import ShortenedError, structured
from jsarag.data.names import absent, listed
from jsarag.data.shapes.turns import NotTurnsError, turns
from jsarag.files import JSON
from jsarag.types import NULL, Example, Passage, Turn, judged


@dataclass(frozen=True)
class Problem:
    """A mistake in a file.

    Attributes:
        place: ``path:line``.
        field: The column as the file names it; "" where the mistake is of a whole record.
        message: What was expected, and what is there.
        kind: The same without what is there: mistakes of a kind are counted together.
    """

    place: str
    field: str
    message: str
    kind: str

    def __str__(self) -> str:
        """One line."""
        return ": ".join(filter(None, (self.place, self.field, self.message)))


class Fields:
    """The values of one record by our names, with the place they came from.

    Attributes:
        problems: What was found to be wrong with them.
    """

    def __init__(
        self,
        place: str,
        values: Mapping[str, Any],
        labels: Mapping[str, str] | None = None,
        *,
        cells: bool = False,
        there: Collection[object] | None = None,
        id: str = "",
        whole: bool = False,
    ) -> None:
        """Take values.

        Args:
            place: For messages.
            values: By our names.
            labels: The columns they are from, where these have other names.
            cells: Whether they are the texts of cells.
            there: The names of all columns, for messages.
            id: The id, where the values have none.
            whole: Whether an id loses the ``.0`` of a table.
        """
        self.place, self.values, self.labels, self.cells = place, values, labels or {}, cells
        self.there = values if there is None else there
        self.problems: list[Problem] = []
        self.id = self._id(id).removesuffix(".0" if whole else "")

    def passage(self) -> Passage:
        """The passage; worth nothing where there are problems."""
        title = self.text("title") if self.has("title") else ""
        null = self.id == NULL and not title and not self.has("text")
        source = self.text("source") if self.has("source") else ""
        page, start, end = (self.number(name) for name in ("page", "start", "end"))
        return Passage(self.id, title, "" if null else self.text("text"), source, page, start, end)

    def example(self, passage_ids: Collection[str] | None, optional: tuple[str, ...] = ()) -> Example:
        """The example; worth nothing where there are problems."""
        marked, exclude = self.grades("gold", passage_ids), tuple(self.ids("exclude", passage_ids))
        marked = marked | {i: 1 for i in optional if passage_ids is not None and i in passage_ids}
        for name, ids in {"gold": marked, "exclude": exclude}.items():
            unknown = next((i for i in ids if passage_ids is not None and i not in passage_ids), None)
            if unknown is not None:
                self.wrong(name, "ids of passages in the knowledge base", unknown)
        gold, grades = judged(marked)
        both = next((i for i in exclude if i in gold), None)
        if both is not None:
            self.wrong("exclude", "ids of passages that are not gold", both)
        x, history = self.text("input"), self.turns("history")
        if history and history[-1].text.strip() == x.strip():
            history = history[:-1]
        return Example(self.id, x, self.texts("outputs"), gold, history, grades, exclude)

    def has(self, name: str) -> bool:
        """Whether there is anything in that field."""
        return self.values.get(name) not in (None, "", [], {})

    def text(self, name: str) -> str:
        """A text."""
        if not self._there(name):
            return ""
        value = self.values[name]
        if not isinstance(value, str) or not value.strip():
            self.wrong(name, "text that is not empty", value)
            return ""
        return value

    def number(self, name: str) -> int | None:
        """A whole number from 0 up, which a cell may write; None where there is none."""
        value = self.values.get(name)
        if absent(value):
            return None
        text = (_id(value) or "").strip().removesuffix(".0" if self.cells else "")
        if not text.isdecimal() or (isinstance(value, str) and not self.cells):
            self.wrong(name, "a whole number from 0 up", value)
            return None
        return int(text)

    def texts(self, name: str) -> tuple[str, ...]:
        """One text or several, of which numbers may be some."""
        if not self._there(name):
            return ()
        value = self._read(name, self.values[name])
        found = texts_of(value)
        if any(text is None for text in found):
            self.wrong(name, "a list of texts that are not empty", value)
        elif not found:
            self.wrong(name, "at least one text", value)
        return tuple(text for text in found if text is not None)

    def ids(self, name: str, known: Collection[str] | None) -> list[str]:
        """Ids of passages: one or several, texts or whole numbers."""
        if not self.has(name):
            return []
        return self._ids(name, self._read(name, self.values[name], "[", "{"), known)

    def grades(self, name: str, known: Collection[str] | None) -> dict[str, int]:
        """A grade for each id: those of an object, 1 for the ids of a list."""
        if not self.has(name):
            return {}
        value = self._read(name, self.values[name], "[", "{")
        if not isinstance(value, Mapping):
            return dict.fromkeys(self._ids(name, value, known), 1)
        for key, grade in value.items():
            if not isinstance(grade, int) or isinstance(grade, bool) or grade < 0:
                self.wrong(name, "a whole number from 0 up as grade", grade, f" of {key!r}")
                return {}
        return {str(key): grade for key, grade in value.items()}

    def turns(self, name: str) -> tuple[Turn, ...]:
        """The turns of a dialog, in any of the layouts that `turns` reads."""
        if absent(self.values.get(name)):
            return ()
        value = self._read(name, self.values[name], "[", "{")
        try:
            return turns(value)
        except NotTurnsError:
            self.wrong(name, "a list of {role, text}", value)
            return ()

    def wrong(self, name: str, expected: str, value: object, more: str = "") -> None:
        """Note a mistake."""
        shown = repr(value)
        got = f"{shown[:80] + '...' * (len(shown) > 80)}"
        label = self._label(name)
        self.problems.append(
            Problem(self.place, label, f"expected {expected}{more}, got {got}", f"{label}: expected {expected}")
        )

    def _label(self, name: str) -> str:
        """The column as the file names it, on one line."""
        return " ".join(str(self.labels.get(name, name)).split())

    def _ids(self, name: str, value: Any, known: Collection[str] | None) -> list[str]:
        found: list[str] = []
        for item in value if isinstance(value, list | tuple) else [value]:
            made = _id(item)
            if made is None:
                self.wrong(name, "a list of texts that are not empty", value)
                return []
            found += self._known(made, known)
        return found

    def _id(self, usual: str) -> str:
        value = self.values.get("id")
        if usual and absent(value):
            return usual
        made = _id(value, texts=False)
        return self.text("id") if made is None else made

    def _there(self, name: str) -> bool:
        if name not in self.values and self.cells:
            self.wrong(name, "text that is not empty", "")
            return False
        if name not in self.values:
            message = f"no field {self._label(name)!r}"
            there = f"it has {listed(self.there)}{closest(self._label(name), [str(there) for there in self.there])}"
            self.problems.append(Problem(self.place, "", f"{message}; {there}", message))
            return False
        return True

    def _read(self, name: str, value: Any, *opening: str) -> Any:
        """The list or object that a cell writes; where it begins with ``opening``, it must write one."""
        if not isinstance(value, str) or not (self.cells or opening):
            return value
        try:
            found = structured(value)
        except ShortenedError as error:
            self.wrong(name, f"a whole list, found {error}", value)
            return ["?"]
        if found is None and opening and value.lstrip()[:1] in opening and self.cells:
            self._not_json(name, value.lstrip())
            return []
        return value if found is None else found

    def _not_json(self, name: str, text: str) -> None:
        """Note a cell that looks like JSON and is none, with the reason."""
        try:
            JSON.decode(text)
            reason = "neither"
        except json.JSONDecodeError as error:
            reason = error.msg
        label = self._label(name)
        message = f"begins with {text[0]} but is not a JSON {'list' if text[0] == '[' else 'object'}"
        self.problems.append(Problem(self.place, label, f"{message} ({reason})", f"{label}: {message}"))

    def _known(self, made: str, known: Collection[str] | None) -> list[str]:
        """An id as the knowledge base writes it: without a table's ``.0``, or several ids in a cell."""
        if known is None or made in known:
            return [made]
        if made.endswith(".0") and made[:-2] in known:
            return [made[:-2]]
        for separator in (";", ",", "|", " "):
            parts = [part.strip() for part in made.split(separator)]
            if self.cells and len(parts) > 1 and all(part in known for part in parts):
                return parts
        return [made]


def _id(value: Any, *, texts: bool = True) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if texts and isinstance(value, str) and value.strip() else None
