"""Figures before and after training side by side, in percent."""

from __future__ import annotations

from dataclasses import dataclass

from jsarag.metrics import Better, Estimate, block_of, in_order
from jsarag.report.record import Blocks


@dataclass(frozen=True)
class Row:
    """One metric before and after; figures from 0 to 1, the texts in percent."""

    name: str
    before: Estimate | None
    after: Estimate | None
    better: Better = 1

    @property
    def difference(self) -> str:
        """After minus before in points, signed; a dash where a side is missing."""
        if self.before is None or self.after is None:
            return "–"
        return points(self.after.mean - self.before.mean)

    @property
    def verdict(self) -> str:
        """``up`` for better or ``down`` for worse where the two intervals lie apart, else empty."""
        if self.before is None or self.after is None:
            return ""
        risen = (self.after.low > self.before.high) - (self.after.high < self.before.low)
        return {1: "up", -1: "down", 0: ""}[risen * self.better]


@dataclass(frozen=True)
class Table:
    """The rows of one block."""

    block: str
    title: str
    rows: tuple[Row, ...]


def tables(before: Blocks, after: Blocks) -> list[Table]:
    """One table a block that either side has, metrics in the order of the files."""
    rows: dict[str, list[Row]] = {}
    for name, figure in in_order(before, after):
        one, other = (side.get(name, {}).get(figure.name) for side in (before, after))
        rows.setdefault(name, []).append(Row(figure.title, one, other, figure.better))
    return [Table(name, block_of(name).title, tuple(found)) for name, found in rows.items()]


def headline(compared: list[Table]) -> str:
    """The run in one line: the first retrieval figure, else the first of any block, before and after."""
    rows = [(table.block, row) for table in compared for row in table.rows]
    both = [(block, row) for block, row in rows if row.before and row.after]
    for block, row in both or rows:
        name = f"{block.replace('_', ' ')} {row.name}"
        if row.before and row.after:
            return f"{name} {percent(row.before.mean)} → {percent(row.after.mean)} {bounds(row.after)}"
        if only := row.after or row.before:
            when = "after" if row.after else "before"
            return f"{name} {percent(only.mean)} {bounds(only)} {when} training"
    return "no figures before or after training"


def percent(share: float) -> str:
    """A share as percent with one decimal."""
    return f"{100 * share + 0.0:.1f}"


def points(share: float) -> str:
    """A difference of shares in points, signed; no sign where it rounds to nothing."""
    text = f"{100 * abs(share):.1f}"
    return text if text == "0.0" else ("+" if share > 0 else "−") + text


def bounds(estimate: Estimate) -> str:
    """The interval in percent."""
    return f"[{percent(estimate.low)}, {percent(estimate.high)}]"
