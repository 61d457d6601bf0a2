"""Every block of figures with its heading, and what each of its figures is called; reports and tables ask here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from jsarag.metrics.answers import METRICS
from jsarag.metrics.metric import Better, Figure, Metric
from jsarag.registry import Registry


@dataclass(frozen=True)
class Block:
    """Figures of one kind; one that nobody declared is called by its name.

    Attributes:
        title: Its heading.
        metrics: Those that declare themselves.
        titles: What readers call figures that have another name in files.
        better: Which way is better, by figure.
        others: Which way is better in all other figures.
        shown: Figures that the terminal's tables of one run have; None: all.
        compared: Figures that ``jsarag compare`` has where no metrics are asked for.
        column: Heading where blocks with the same figures are the columns of one table; empty: it has a table alone.
    """

    title: str
    metrics: Registry[Metric] | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    better: Mapping[str, Better] = field(default_factory=dict)
    others: Better = 1
    shown: Collection[str] | None = ()
    compared: tuple[str, ...] = ()
    column: str = ""

    def figure(self, name: str) -> Figure:
        """The figure of that name."""
        metric = self.metrics.loadable(name) if self.metrics is not None else None
        if metric is not None:
            return replace(metric, name=name)
        title, better = self.titles.get(name, name), self.better.get(name, self.others)
        return Figure(name, title, better=better, shown=self.shown is None or name in self.shown)


BLOCKS = {
    "prior": Block("Prior retriever p(h|x)", shown=("hit@1", "hit@5", "mrr@10"), compared=("hit@1", "mrr@10")),
    "posterior": Block("Posterior retriever q(h|x,y)", shown=("hit@1", "mrr@10"), compared=("mrr@10",)),
    "selection": Block("Passages given to the answer, as a set", titles={"f1": "F1"}),
    "calibration": Block(
        "Calibration of p(h|x) on the best passage", better={"brier": -1, "ece": -1, "probability": 0}
    ),
    "answers": Block("Answers", METRICS, shown=None, compared=("em", "f1")),
    "dialog": Block(
        "Answers as responses of a dialog",
        titles={"f1": "F1", "rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"},
    ),
    "closed_book": Block("Answers without passages (closed book)", METRICS, shown=None),
    "attribution": Block(
        "Attribution: where answers come from",
        titles={"answer_in_passages": "answer in a passage"},
        better={"against": -1, "by_heart": 0},
        shown=("answer_in_passages",),
    ),
    "combinations": Block(
        "Gold passage read or missed, answer right or wrong: share of examples",
        better={"read_wrong": -1, "missed_right": 0, "missed_wrong": -1},
        column="examples",
    ),
    "combinations_in_passages": Block(
        "In each combination: answer stands in a passage read", others=0, column="answer stands in a passage"
    ),
    "combinations_by_heart": Block("In each combination: answer by heart", others=0, column="answer by heart"),
}
"""Blocks in the order in which people should read them."""


def block_of(name: str) -> Block:
    """The block of that name; one that nobody declared has its name for a heading, and shows all."""
    return BLOCKS.get(name) or Block(name, shown=None)


def in_order(*summaries: Mapping[str, Collection[str]]) -> list[tuple[str, Figure]]:
    """Block and figure of whatever any of the summaries holds, in the order in which people should read them."""
    names = dict.fromkeys([*BLOCKS, *(name for summary in summaries for name in summary)])
    return [
        (name, block_of(name).figure(metric))
        for name in names
        for metric in dict.fromkeys(metric for summary in summaries for metric in summary.get(name, ()))
    ]
