"""Figures before and after training side by side, in percent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jsarag.metrics import Estimate
from jsarag.report.record import Blocks

BLOCKS = {
    "prior": "Prior retriever p(h|x)",
    "posterior": "Posterior retriever q(h|x,y)",
    "selection": "Passages given to the answer, as a set",
    "calibration": "Calibration of p(h|x) on the best passage",
    "answers": "Answers",
    "dialog": "Answers as responses of a dialog",
    "closed_book": "Answers without passages (closed book)",
    "attribution": "Attribution: where answers come from",
    "combinations": "Gold passage read or missed, answer right or wrong: share of examples",
    "combinations_in_passages": "In each combination: answer stands in a passage read",
    "combinations_by_heart": "In each combination: answer by heart",
}
"""Blocks in the order shown, with their headings; a block of another name follows under its own name."""

NAMES = {
    "em": "EM",
    "f1": "F1",
    "rougeL": "ROUGE-L",
    "bleu1": "BLEU-1",
    "bleu4": "BLEU-4",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
}

LESS_IS_BETTER = frozenset(
    {
        "calibration/brier",
        "calibration/ece",
        "attribution/against",
        "combinations/read_wrong",
        "combinations/missed_wrong",
    }
)
"""Figures, as block/metric, whose rise is bad."""
NOT_JUDGED = frozenset(
    {
        "calibration/probability",
        "attribution/by_heart",
        "combinations/missed_right",
        "combinations_in_passages",
        "combinations_by_heart",
    }
)
"""Figures, as block/metric or whole blocks, whose rise is neither good nor bad."""


@dataclass(frozen=True)
class Row:
    """One metric before and after; figures from 0 to 1, the texts in percent.

    ``better`` is 1 where more is better, -1 where less is, 0 where neither.
    """

    name: str
    before: Estimate | None
    after: Estimate | None
    better: int = 1

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
    blocks = _union(BLOCKS, before, after)
    made = []
    for block in blocks:
        one, other = before.get(block, {}), after.get(block, {})
        rows = tuple(
            Row(NAMES.get(name, name), one.get(name), other.get(name), _better(block, name))
            for name in _union(one, other)
        )
        if rows:
            made.append(Table(block, BLOCKS.get(block, block), rows))
    return made


def _better(block: str, metric: str) -> int:
    if not NOT_JUDGED.isdisjoint((block, f"{block}/{metric}")):
        return 0
    return -1 if f"{block}/{metric}" in LESS_IS_BETTER else 1


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


def _union(*names: Iterable[str]) -> list[str]:
    """Names in the order of their first appearance."""
    return list(dict.fromkeys(name for some in names for name in some))
