"""Figures before and after training side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jsarag.metrics import Better, Estimate, Unit, block_of, in_order
from jsarag.report.numbers import change, p_told
from jsarag.report.record import Blocks
from jsarag.report.verdict import SURE


@dataclass(frozen=True)
class Row:
    """One metric before and after.

    Attributes:
        name: What readers call it.
        before: None where that side lacks it.
        after: Likewise.
        better: Which way is better.
        p: Of the paired test over examples; None where there was none.
        unit: Of the figures.
        folded: Whether it stands among the further figures.
        key: Its name in files, ``block/metric``.
    """

    name: str
    before: Estimate | None
    after: Estimate | None
    better: Better = 1
    p: float | None = None
    unit: Unit = "percent"
    folded: bool = False
    key: str = ""

    @property
    def difference(self) -> str:
        """After minus before in points or nats, signed; a dash where a side is missing."""
        if self.before is None or self.after is None:
            return "–"
        return change(self.after.mean - self.before.mean, self.unit)

    @property
    def verdict(self) -> str:
        """``up`` for better or ``down`` for worse where the paired test tells the change from chance, else empty."""
        if self.before is None or self.after is None or self.p is None or self.p >= SURE:
            return ""
        risen = (self.after.mean > self.before.mean) - (self.after.mean < self.before.mean)
        return {1: "up", -1: "down", 0: ""}[risen * self.better]

    @property
    def test(self) -> str:
        """The p of the test, as text; a dash where there was none."""
        if self.before is None or self.after is None or self.p is None:
            return "–"
        return p_told(self.p).removeprefix("p ").removeprefix("= ")


@dataclass(frozen=True)
class Table:
    """The rows of one block."""

    block: str
    title: str
    rows: tuple[Row, ...]

    @property
    def open(self) -> tuple[Row, ...]:
        """The rows that every reader wants to see."""
        return tuple(row for row in self.rows if not row.folded)

    @property
    def folded(self) -> tuple[Row, ...]:
        """Further figures, among them doubles under other names."""
        return tuple(row for row in self.rows if row.folded)


def tables(before: Blocks, after: Blocks, tests: Mapping[str, Mapping[str, float]] | None = None) -> list[Table]:
    """One table a block that either side has, metrics in the order of the files; ``tests`` by ``block/metric``."""
    rows: dict[str, list[Row]] = {}
    # Where there are labels, they tell more than where answers stand.
    labelled = "prior" in {**before, **after}
    for name, figure in in_order(before, after):
        one, other = (side.get(name, {}).get(figure.name) for side in (before, after))
        key = f"{name}/{figure.name}"
        folded = figure.folded or (labelled and name == "evidence")
        p = (tests or {}).get(key, {}).get("p")
        rows.setdefault(name, []).append(Row(figure.title, one, other, figure.better, p, figure.unit, folded, key))
    return [Table(name, block_of(name).title, tuple(found)) for name, found in rows.items()]
