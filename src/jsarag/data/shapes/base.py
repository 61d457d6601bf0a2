"""What shapes share: the records of a file by the names of their fields, and what a shape makes of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsarag.checks import closest
from jsarag.data.columns import Columns, steps, value_at
from jsarag.data.literal import ShortenedError, structured
from jsarag.data.names import absent, listed, plain_name
from jsarag.types import InputError

_WHOLE = re.compile(r"\d+\.0")


@dataclass(frozen=True)
class Found:
    """One pair or passage, in our fields and not yet checked.

    Attributes:
        number: Which record it is from, from 0.
        values: By our names; what is absent is not in it.
        labels: Which column a field is from, where its name is another.
        dialog: The dialog that a pair belongs to; "" where it belongs to none.
        id: Its id, where it gives none itself.
        optional: Ids of passages that are gold only where the knowledge base holds them.
    """

    number: int
    values: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    dialog: str = ""
    id: str = ""
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A record, or a part of one, that is no pair and no passage."""

    number: int
    reason: str


Made = Found | LeftOut


@dataclass
class Sheet:
    """The records of a file, and which of their columns were asked for.

    Attributes:
        path: The file, for messages.
        records: The records.
        places: Where each came from: ``path:line``.
        lines: The line of each.
        ids: The id of each, where it has none.
        cells: Whether values are the texts of cells.
        fill: Whether a record may lack an id that others have, as an object may.
        found: What the reader found out about the file.
        faults: What is no record: line, place, and what is wrong.
        used: Columns that were read.
        has_ids: Whether records have ids.
        whole_ids: Whether all ids are whole numbers as a column of pandas' floats writes them: ``7.0``.
    """

    path: str
    records: list[Mapping[str, Any]]
    places: list[str]
    lines: list[int]
    ids: list[str]
    cells: bool = False
    fill: bool = False
    found: tuple[str, ...] = ()
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    has_ids: bool = False
    whole_ids: bool = False

    def __post_init__(self) -> None:
        self.columns = list(dict.fromkeys(key for record in self.records for key in record))
        self._plain: dict[str, str] = {}
        for name in self.columns:
            self._plain.setdefault(plain_name(name), name)

    def has(self, names: Collection[str]) -> bool:
        """Whether there is a column of one of these names."""
        return any(name in self._plain for name in names)

    def column(self, names: Collection[str]) -> str | None:
        """The first of these columns that holds anything, or else the first there is."""
        there = [self._plain[name] for name in names if name in self._plain]
        return next((name for name in there if any(not absent(r.get(name)) for r in self.records)), None) or next(
            iter(there), None
        )

    def take(self, names: Collection[str], path: str | None = None, option: str = "") -> str | None:
        """The column of one of these names, or the one that ``path`` names, counted as read.

        Raises:
            InputError: nothing is at ``path`` in any record; the message names ``data.columns.option``.
        """
        if path is None:
            name = self.column(names)
        else:
            name = next((c for c in (path, self._plain.get(plain_name(path))) if c in self.columns), path)
            if name not in self.columns and all(value_at(record, name) is None for record in self.records):
                there = listed(filter(None, self.columns))
                like = closest(path, self.columns)
                raise InputError(f"{self.path}: data.columns.{option}: no column {path!r}; there are {there}{like}")
        if name is not None:
            self.used.add(name if name in self.columns else str(steps(name)[0]))
        return name

    def take_id(self, names: Collection[str], path: str | None, option: str) -> str | None:
        """As `take`, of the column of ids; None where no record has one."""
        name = self.take(names, path, option)
        values = (value_at(record, name) for record in self.records) if name is not None else ()
        held = [value for value in values if not absent(value)]
        self.has_ids = bool(held)
        self.whole_ids = self.cells and all(isinstance(v, str) and _WHOLE.fullmatch(v) for v in held)
        return name if self.has_ids else None

    def value(self, record: Mapping[str, Any], name: str | None) -> Any:
        """What a record holds in a column or at a path; None where it holds nothing."""
        return None if name is None else value_at(record, name)

    def listed(self, record: Mapping[str, Any], name: str | None) -> Any:
        """As `value`, of a column whose meaning is a list or an object: a text that writes one is read."""
        value = self.value(record, name)
        if not isinstance(value, str):
            return value
        try:
            found = structured(value)
        except ShortenedError:
            return value
        return value if found is None else found

    def unread(self) -> tuple[str, ...]:
        """The columns that nothing has read; those without a name, as pandas writes its index, are none."""
        return tuple(
            str(name)
            for name in self.columns
            if name not in self.used and name and not str(name).startswith(("Unnamed:", "__index_level_"))
        )


@dataclass(frozen=True)
class Shape:
    """A layout that people know.

    Attributes:
        name: As it is told.
        matches: Whether the records of a file have it.
        read: What they hold.
        strict: Whether a record without a field that is needed is a mistake, instead of being left out.
    """

    name: str
    matches: Callable[[Sheet], bool]
    read: Callable[[Sheet, Columns], Iterator[Made]]
    strict: bool = False
