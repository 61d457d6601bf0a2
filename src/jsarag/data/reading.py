"""What a file holds: passages or examples, the shape it was read as, and everything that is wrong with it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from jsarag.checksums import check_converted
from jsarag.data.columns import Columns, value_at
from jsarag.data.fields import Fields, Problem
from jsarag.data.formats import AUTO, Table, read_table
from jsarag.data.names import listed
from jsarag.data.shapes import PAIRS, PASSAGES, Found, Made, Shape, Sheet, pairs_shape, passages_shape
from jsarag.display import Display
from jsarag.types import Example, InputError, Passage

__all__ = [
    "Problem",
    "Reading",
    "UnknownColumnsError",
    "examples_of",
    "holds_pairs",
    "open_sheet",
    "passages_of",
    "read_examples",
    "read_passages",
    "sheet_of",
]

Item = TypeVar("Item", Passage, Example)

_ONE = re.compile(r"\b(turn|answer|dialog|row|paragraph)s\b")
STANDS_FOR = "passages.jsonl"
"""The file of a folder that `jsarag ingest` or `jsarag index` wrote which is read where the folder is named."""
SHOWN = 3
"""Places that a line names."""


@dataclass(frozen=True)
class Reading(Generic[Item]):
    """A file as read.

    Attributes:
        items: The passages or examples without a mistake.
        places: Where each came from: ``path:line``.
        shape: The layout that was recognised, such as ``chat messages``.
        said: What was read, in one line.
        problems: All mistakes, in the order of the file.
        left_out: Places of records that hold no pair and no passage, by the reason.
        unknown: Columns that nothing reads.
        dialogs: The dialog of each example, "" where it belongs to none.
        numbers: The record of each item, from 0.
    """

    items: list[Item]
    places: list[str]
    shape: str
    said: str
    problems: list[Problem] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    dialogs: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


def read_passages(
    path: str | Path, columns: Columns | None = None, encoding: str = AUTO, display: Display | None = None
) -> Reading[Passage]:
    """Read a file of passages; mistakes in records are in the result's ``problems``.

    Args:
        path: The file, a folder that `jsarag ingest` made, or a data set on the hub: ``hf:OWNER/NAME:SPLIT``.
        columns: Where fields lie, if under other names than the common ones.
        encoding: Of text that is not Unicode; ``auto``: found out for .csv and .tsv.
        display: Shown progress where a data set of the hub is read.

    Raises:
        InputError: a file that is missing, unreadable, of another format or of no known shape; or one that `jsarag
            data` wrote and that is no longer what it wrote.
    """
    return passages_of(open_sheet(path, encoding, display), columns or Columns())


def read_examples(
    path: str | Path,
    columns: Columns | None = None,
    passage_ids: Collection[str] | None = None,
    encoding: str = AUTO,
    display: Display | None = None,
) -> Reading[Example]:
    """Read a file of pairs; mistakes in records are in the result's ``problems``.

    Args:
        path: The file, or a data set on the hub: ``hf:OWNER/NAME:SPLIT``.
        columns: Where fields lie, if under other names than the common ones.
        passage_ids: Ids that ``gold`` and ``exclude`` may name; None: not checked.
        encoding: Of text that is not Unicode; ``auto``: found out for .csv and .tsv.
        display: Shown progress where a data set of the hub is read.

    Raises:
        InputError: as `read_passages`.
    """
    return examples_of(open_sheet(path, encoding, display), columns or Columns(), passage_ids)


def open_sheet(path: str | Path, encoding: str = AUTO, display: Display | None = None) -> Sheet:
    """The records of a file, before it is known what they are.

    Raises:
        InputError: a file that is missing, unreadable or of another format; or one that `jsarag data` wrote and that
            is no longer what it wrote.
    """
    path = Path(path)
    if (path / STANDS_FOR).is_file():
        path = path / STANDS_FOR
    check_converted(path)
    return sheet_of(str(path), read_table(path, encoding, display))


class UnknownColumnsError(InputError):
    """The records have columns, and these are those of neither pairs nor passages."""


def holds_pairs(sheet: Sheet, columns: Columns) -> bool:
    """Whether the records are pairs by their fields, and not passages.

    Raises:
        UnknownColumnsError: their fields are those of neither.
        InputError: there are no records.
    """
    _refuse_empty(sheet, "pairs or passages")
    for names, pairs in (((columns.input, columns.outputs), True), ((columns.text,), False)):
        if any(name and any(value_at(record, name) is not None for record in sheet.records) for name in names):
            return pairs
    for shapes, pairs in ((PAIRS, True), (PASSAGES, False)):
        if any(shape.matches(sheet) for shape in shapes):
            return pairs
    found = ", ".join(dict.fromkeys(str(name) for record in sheet.records for name in record))
    raise UnknownColumnsError(
        f"{sheet.path}: expected columns of questions and answers, or of passages; it has {found}; name the columns "
        "with --data.columns.input and --data.columns.outputs, or that of the passages with --data.columns.text"
    )


def passages_of(sheet: Sheet, columns: Columns) -> Reading[Passage]:
    """The passages of a sheet."""
    _refuse_empty(sheet, "passages")
    shape = passages_shape(sheet, columns)
    work: _Work[Passage] = _Work(sheet, shape)
    for found in work.found(shape.read(sheet, columns)):
        fields = work.fields(found)
        work.add(found, fields, fields.passage())
    return work.reading("passages")


def examples_of(sheet: Sheet, columns: Columns, passage_ids: Collection[str] | None) -> Reading[Example]:
    """The examples of a sheet."""
    _refuse_empty(sheet, "examples")
    shape = pairs_shape(sheet, columns)
    work: _Work[Example] = _Work(sheet, shape)
    held = possible = 0
    for found in work.found(shape.read(sheet, columns)):
        fields = work.fields(found)
        example = fields.example(passage_ids, found.optional)
        possible += bool(found.optional)
        held += any(i in found.optional for i in example.gold)
        work.add(found, fields, example)
    if possible and passage_ids is not None:
        work.notes.append(f"gold: contexts found in the knowledge base for {held:,} of {possible:,}")
    return work.reading("pairs")


def sheet_of(
    path: str, table: Table, *, ids: Sequence[str] = (), places: Sequence[str] = (), fill: bool = False
) -> Sheet:
    """The records of a table as a sheet.

    Args:
        path: For messages.
        table: The records.
        ids: Id of each record where it has none; default: its number, from 1.
        places: Where the records came from, if not from lines of ``path``.
        fill: Whether a record may lack an id that others have.
    """
    places = places or table.places(path)
    kept = [i for i, (_, record) in enumerate(table.records) if isinstance(record, Mapping)]
    faults = [(line, f"{path}:{line}", message) for line, message in table.faults]
    faults += [
        (line, places[i], f"expected an object with named fields, found {type(record).__name__}")
        for i, (line, record) in enumerate(table.records)
        if not isinstance(record, Mapping)
    ]
    return Sheet(
        path,
        [table.records[i][1] for i in kept],
        [places[i] for i in kept],
        [table.records[i][0] for i in kept],
        [ids[i] if ids else str(i + 1) for i in kept],
        table.cells,
        fill,
        table.found,
        faults,
    )


def _refuse_empty(sheet: Sheet, what: str) -> None:
    if not sheet.records and not sheet.faults:
        raise InputError(f"{sheet.path}: holds no {what}")
    if not sheet.records:
        _, place, message = min(sheet.faults)
        raise InputError(f"{place}: {message}")


class _Work(Generic[Item]):
    """A reading as it is made."""

    def __init__(self, sheet: Sheet, shape: Shape) -> None:
        self.sheet, self.shape = sheet, shape
        self.items: list[Item] = []
        self.numbers: list[int] = []
        self.dialogs: list[str] = []
        self.problems = [(line, Problem(place, "", said, _kind(said))) for line, place, said in sheet.faults]
        self.left_out: dict[str, list[str]] = {}
        self.first: dict[str, str] = {}
        self.notes: list[str] = []

    def found(self, made: Iterable[Made]) -> Iterator[Found]:
        """What was found; what was left out is noted."""
        for one in made:
            if isinstance(one, Found):
                yield one
            else:
                self.left_out.setdefault(one.reason, []).append(self.sheet.places[one.number])

    def fields(self, found: Found) -> Fields:
        """The fields of what was found."""
        sheet, number = self.sheet, found.number
        usual = found.id or ("" if sheet.has_ids and not sheet.fill else sheet.ids[number])
        there = sheet.records[number]
        return Fields(
            sheet.places[number],
            found.values,
            found.labels,
            cells=sheet.cells,
            there=there,
            id=usual,
            whole=sheet.whole_ids,
        )

    def add(self, found: Found, fields: Fields, item: Item) -> None:
        """Keep an item, or what is wrong with it."""
        name = _seen(fields.id)
        if first := self.first.get(name):
            message = f"id {fields.id!r} is there twice, first at {first}"
            fields.problems.append(Problem(fields.place, "", message, "id is there twice"))
        elif name:
            self.first[name] = fields.place
        if fields.problems:
            self.problems += [(self.sheet.lines[found.number], problem) for problem in fields.problems]
        else:
            self.items.append(item)
            self.numbers.append(found.number)
            self.dialogs.append(found.dialog)

    def reading(self, what: str) -> Reading[Item]:
        """The whole."""
        if not self.items and not self.problems:
            raise InputError(f"{self.sheet.path}: holds no {what}: {self._left_out()}")
        dialogs = len(set(filter(None, self.dialogs)))
        said = f"{self.sheet.path}: read as {self.shape.name}: {_counted(len(self.items), what)}"
        said += f", {_counted(dialogs, 'dialogs')}" if dialogs else ""
        unknown = self.sheet.unread()
        told: list[str] = [
            ", ".join(self.sheet.found),
            *self.notes,
            self._left_out(),
            f"not read: {listed(unknown)}" * bool(unknown),
        ]
        return Reading(
            self.items,
            [self.sheet.places[number] for number in self.numbers],
            self.shape.name,
            "; ".join(filter(None, [said, *told])),
            [problem for _, problem in sorted(self.problems, key=lambda pair: pair[0])],
            self.left_out,
            unknown,
            self.dialogs,
            self.numbers,
        )

    def _left_out(self) -> str:
        if not self.left_out:
            return ""
        told = []
        for reason, places in self.left_out.items():
            shown = [place.removeprefix(f"{self.sheet.path}:") for place in places[:SHOWN]]
            rest = f" and {len(places) - SHOWN:,} more" if len(places) > SHOWN else ""
            things = _ONE.sub(r"\1", reason) if len(places) == 1 else reason
            told.append(f"{len(places):,} {things} (line {', '.join(shown)}{rest})")
        return "left out: " + ", ".join(told)


def _seen(name: str) -> str:
    """An id as people see it: in one Unicode form, without blanks around it and marks of no width."""
    if name.isascii():
        return name.strip()
    composed = unicodedata.normalize("NFC", name)
    return "".join(sign for sign in composed if unicodedata.category(sign) != "Cf").strip()


def _counted(number: int, things: str) -> str:
    return f"{number:,} {things.removesuffix('s') if number == 1 else things}"


def _kind(message: str) -> str:
    return re.sub(r" \(.*\)$", "", message)
