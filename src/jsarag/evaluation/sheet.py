"""The result of an evaluation as it grows: a row an example, and blocks of figures that sum the rows up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from jsarag.metrics import Estimate, interval
from jsarag.types import Example, Retrieved

Row = dict[str, Any]
"""One example: its texts, and its scores as ``block/metric``."""


@dataclass(frozen=True)
class Case:
    """An example with its rendered input x."""

    example: Example
    x: str


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes:
        summary: By block (prior, posterior, answers, ...) the mean, low and high of each metric; beside them, where
            they were measured, ``reliability`` (the bins of the calibration) and ``modes`` (blocks and cost by mode).
        rows: One an example, or one an example and mode, with its own scores as ``block/metric``.
    """

    summary: dict[str, Any]
    rows: list[Row]


@dataclass
class Sheet:
    """Rows and figures under way.

    Attributes:
        rows: One an example.
        resamples: Bootstrap resamples behind each interval.
        summary: Block to metric to mean, low and high.
    """

    rows: list[Row]
    resamples: int
    summary: dict[str, Any] = field(default_factory=dict)

    def add(self, block: str, scores: dict[str, list[float]], rows: Sequence[Row]) -> None:
        """Write scores, one an entry of ``rows``, into these rows and their means into the block."""
        for metric, values in scores.items():
            for row, value in zip(rows, values, strict=True):
                row[f"{block}/{metric}"] = value
            self.put(block, {metric: interval(values, resamples=self.resamples)})

    def put(self, block: str, figures: dict[str, Estimate]) -> None:
        """Write figures that are no means over examples, or replace the means by them."""
        self.summary.setdefault(block, {}).update({metric: asdict(value) for metric, value in figures.items()})

    def evaluation(self) -> Evaluation:
        """The finished result."""
        return Evaluation(self.summary, self.rows)


def as_row(example: Example, hs: Sequence[Retrieved]) -> Row:
    """An example with the passages its answer is given."""
    return {
        "id": example.id,
        "input": example.input,
        "outputs": list(example.outputs),
        "gold": list(example.gold),
        **({"grades": list(example.grades)} if example.grades else {}),
        "passages": [{**h.passage.record(), "probability": h.probability} for h in hs],
    }
