"""What a figure declares of itself; a metric of answers is a figure that comes with its way to compute it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal

from jsarag.metrics.bootstrap import Estimate

Better = Literal[1, 0, -1]
"""1 where more is better, -1 where less is, 0 where neither."""
Unit = Literal["percent", "nats"]
"""percent: from 0 to 1 in files, shown in percent; nats: shown as it is."""


@dataclass(frozen=True)
class Figure:
    """How reports and tables tell a figure.

    Attributes:
        name: Its name in files.
        title: Its name for readers.
        better: Which way is better.
        shown: Whether the terminal's tables of one run have it; files and the report page have all.
        unit: In which it is shown.
        folded: Whether the report page has it among the further figures, which are folded.
    """

    name: str
    title: str
    _: KW_ONLY
    better: Better = 1
    shown: bool = True
    unit: Unit = "percent"
    folded: bool = False

    @property
    def direction(self) -> str:
        """What a heading adds to the name, where a reader would take more for better."""
        return " (less is better)" if self.better == -1 else ""


@dataclass(frozen=True)
class Metric(Figure):
    """A figure of answers beside their references.

    Attributes:
        score: Takes answers ``[examples]``, any of which may be empty, and references ``[examples, any]``, at least one
            an example; gives ``[examples]`` values from 0 to 1, or None where the metric is not meant for these texts.
        closed_book: Whether answers without passages are judged too.
        corpus: Takes answers, references and the number of bootstrap resamples; gives the figure of all examples
            together, where that is not the mean of the values.
    """

    score: Callable[[Sequence[str], Sequence[Sequence[str]]], Sequence[float] | None]
    _: KW_ONLY
    closed_book: bool = False
    corpus: Callable[[Sequence[str], Sequence[Sequence[str]], int], Estimate] | None = None
