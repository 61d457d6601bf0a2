"""What a run folder holds, read from its files and checked; no other module of the report opens a file of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsarag import checksums, layout
from jsarag.evaluation import paired
from jsarag.evaluation.pairing import means_only
from jsarag.files import read_json, read_jsonl, read_text
from jsarag.metrics import Estimate
from jsarag.run import sealed
from jsarag.types import InputError

PARTS = {
    layout.CONFIG: "the configuration",
    layout.SUMMARY: "figures before and after training, cost",
    layout.METRICS: "curves over training",
    layout.EXAMPLES: "examples before and after training",
}
"""The files a report is made from, and what each brings to it."""

OTHER = ("reliability",)
"""What a summary holds beside blocks; the report makes its own bins from the examples."""

Blocks = dict[str, dict[str, Estimate]]
"""Block (prior, posterior, answers, closed_book) to metric to its estimate."""


@dataclass(frozen=True)
class Point:
    """Figures logged at one step."""

    step: int
    values: dict[str, float]


@dataclass(frozen=True)
class Notice:
    """A warning of the run, with its step where one is known."""

    text: str
    step: int | None = None


@dataclass(frozen=True)
class Shown:
    """One passage a retriever returned."""

    id: str
    title: str
    text: str
    probability: float


@dataclass(frozen=True)
class Side:
    """What an example got before or after training: an answer where one was made, and passages, best first."""

    answer: str | None
    passages: tuple[Shown, ...]


@dataclass(frozen=True)
class Pair:
    """One example before and after training."""

    id: str
    input: str
    outputs: tuple[str, ...]
    gold: frozenset[str]
    before: Side
    after: Side


@dataclass(frozen=True)
class Record:
    """A run as its files tell it.

    Attributes:
        name: Name of the folder.
        config: Text of config.yaml.
        before: Figures before training.
        after: Figures after training.
        cost: Figures of the summary's ``cost``.
        run: The summary's ``run``.
        steps: Training steps in order; of a step logged twice (after a resume) the last row.
        dev: Evaluations on dev in order, by block; of one step the last row. What was measured about a rebuilt index
            is the block ``index``.
        notices: Warnings, each text once.
        pairs: Examples that have both sides.
        abstention: The evidence below which the run declines to answer, with what that costs; empty without one.
        paired: Paired tests by what the run is held against: the summary's ``paired``; of a run of an earlier version,
            that against before training alone, made from the rows in ``evaluation``.
        baselines: Figures of retrievers without training.
        missing: Files of `PARTS` that the folder lacks.
    """

    name: str
    config: str
    before: Blocks
    after: Blocks
    cost: dict[str, float]
    run: dict[str, Any]
    steps: tuple[Point, ...]
    dev: dict[str, tuple[Point, ...]]
    notices: tuple[Notice, ...]
    pairs: tuple[Pair, ...]
    paired: dict[str, dict[str, dict[str, float]]]
    abstention: dict[str, float]
    baselines: Blocks
    missing: tuple[str, ...]


def read_record(run: Path) -> Record:
    """Read the files of a run folder; any of them may be missing, but not all.

    Raises:
        InputError: no folder, none of the files of `PARTS`, or a file that does not hold what it should.
    """
    if not run.is_dir():
        raise InputError(f"{run}: expected the folder of a run, found {'a file' if run.exists() else 'nothing'}")
    there = {name: run / name for name in PARTS if (run / name).exists()}
    if not there:
        raise InputError(f"{run}: expected the folder of a run, found none of {', '.join(PARTS)}")
    sealed.check(run, sealed.RESULTS)
    if layout.CONFIG in there:
        checksums.check_config(there[layout.CONFIG])
    summary = _Value(str(run / layout.SUMMARY), read_json(there[layout.SUMMARY]) if layout.SUMMARY in there else None)
    facts = summary.child("run").mapping()
    rows = _rows(there.get(layout.METRICS))
    steps = {row.child("step").count(): row for row in rows if row.child("kind").raw == "step"}
    dev = {row.child("step").count(): row for row in rows if row.child("kind").raw == "dev"}
    index = {row.child("step").count(): row for row in rows if row.child("kind").raw == "index"}
    blocks = dict.fromkeys(name for row in dev.values() for name, value in row.mapping().items() if value.is_object())
    return Record(
        name=run.resolve().name,
        config=read_text(there[layout.CONFIG]) if layout.CONFIG in there else "",
        before=_blocks(summary.child("before")),
        after=_blocks(summary.child("after")),
        cost=summary.child("cost").numbers(),
        run={name: value.raw for name, value in facts.items() if value.raw is not None},
        steps=tuple(Point(step, row.numbers("kind", "step")) for step, row in sorted(steps.items())),
        dev={
            name: tuple(Point(step, row.child(name).numbers()) for step, row in sorted(dev.items())) for name in blocks
        }
        | {"index": tuple(Point(step, row.numbers("kind", "step")) for step, row in sorted(index.items()))},
        notices=_notices(rows, summary.child("run").child("warnings")),
        pairs=tuple(_pair(row) for row in _rows(there.get(layout.EXAMPLES)) if _has_both_sides(row)),
        paired=_paired(run, summary),
        abstention=summary.child("abstention").numbers("curve"),
        baselines=_blocks(summary.child("baselines")),
        missing=tuple(name for name in PARTS if name not in there),
    )


def _paired(run: Path, summary: _Value) -> dict[str, dict[str, dict[str, float]]]:
    told = summary.child("paired")
    if told.raw is not None:
        return {
            against: {name: test.numbers() for name, test in tests.mapping().items()}
            for against, tests in told.mapping().items()
        }
    sides = [run / layout.EVALUATION / f"{side}.jsonl" for side in ("before", "after")]
    if summary.raw is None or not all(side.is_file() for side in sides):
        return {}
    before, after = ([row.mapping_raw() for row in _rows(side)] for side in sides)
    if [row.get("id") for row in before] != [row.get("id") for row in after]:
        return {}
    figures = [summary.child(side).raw or {} for side in ("before", "after")]
    return {"before": means_only(paired(before, after, resamples=200), *figures)}


@dataclass(frozen=True)
class _Value:
    """A JSON value that knows where it stands, for the message when it is not what it should be."""

    place: str
    raw: Any

    def child(self, key: str) -> _Value:
        return _Value(f"{self.place}: {key}", self._as(dict, "an object").get(key) if self.raw is not None else None)

    def mapping(self) -> dict[str, _Value]:
        return {key: self.child(key) for key in self._as(dict, "an object")} if self.raw is not None else {}

    def mapping_raw(self) -> dict[str, Any]:
        return dict(self._as(dict, "an object"))

    def items(self) -> list[_Value]:
        if self.raw is None:
            return []
        return [_Value(f"{self.place}[{i}]", value) for i, value in enumerate(self._as(list, "a list"))]

    def is_object(self) -> bool:
        return isinstance(self.raw, dict)

    def numbers(self, *leave_out: str) -> dict[str, float]:
        """The numbers of an object; null, NaN and infinity are no figure and left out."""
        return {
            key: value.number()
            for key, value in self.mapping().items()
            if key not in leave_out and value.raw is not None and math.isfinite(value.number())
        }

    def number(self) -> float:
        if isinstance(self.raw, bool) or not isinstance(self.raw, int | float):
            self._refuse("a number")
        return float(self.raw)

    def finite(self) -> float:
        if not math.isfinite(self.number()):
            self._refuse("a finite number")
        return self.number()

    def count(self) -> int:
        if isinstance(self.raw, bool) or not isinstance(self.raw, int):
            self._refuse("a whole number")
        return int(self.raw)

    def text(self) -> str:
        return str(self._as(str, "text"))

    def _as(self, kind: type[Any], expected: str) -> Any:
        if not isinstance(self.raw, kind):
            self._refuse(expected)
        return self.raw

    def _refuse(self, expected: str) -> None:
        raise InputError(f"{self.place}: expected {expected}, found {str(self.raw)[:60]!r}")


def _rows(path: Path | None) -> list[_Value]:
    if path is None:
        return []
    rows = [_Value(f"{path}:{line}", value) for line, value in read_jsonl(path)]
    for row in rows:
        row.mapping()
        if row.raw is None:
            raise InputError(f"{row.place}: expected an object, found null")
    return rows


def _blocks(value: _Value) -> Blocks:
    return {
        block: {name: _estimate(figure) for name, figure in metrics.mapping().items() if figure.raw is not None}
        for block, metrics in value.mapping().items()
        if metrics.raw and block not in OTHER
    }


def _estimate(value: _Value) -> Estimate:
    return Estimate(*(value.child(name).finite() for name in ("mean", "low", "high")))


def _notices(rows: list[_Value], summary: _Value) -> tuple[Notice, ...]:
    logged = {row.child("text").text(): row.child("step").raw for row in rows if row.child("kind").raw == "warning"}
    told = dict.fromkeys(item.text() for item in summary.items())
    return tuple(Notice(text, step) for text, step in ({**told, **logged}).items())


def _has_both_sides(row: _Value) -> bool:
    return bool(row.child("before").raw and row.child("after").raw)


def _pair(row: _Value) -> Pair:
    return Pair(
        id=row.child("id").text(),
        input=row.child("input").text(),
        outputs=tuple(item.text() for item in row.child("outputs").items()),
        gold=frozenset(item.text() for item in row.child("gold").items()),
        before=_side(row.child("before")),
        after=_side(row.child("after")),
    )


def _side(value: _Value) -> Side:
    answer = value.child("answer")
    return Side(
        answer=None if answer.raw is None else answer.text(),
        passages=tuple(
            Shown(
                id=passage.child("id").text(),
                title=passage.child("title").text() if passage.child("title").raw is not None else "",
                text=passage.child("text").text(),
                probability=passage.child("probability").finite(),
            )
            for passage in value.child("passages").items()
        ),
    )
