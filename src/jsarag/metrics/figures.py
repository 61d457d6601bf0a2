"""Every block of figures with its heading, and what each of its figures is called; reports and tables ask here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from jsarag.metrics.answers import METRICS
from jsarag.metrics.metric import Better, Figure, Metric, Unit
from jsarag.registry import Registry


@dataclass(frozen=True)
class Block:
    """Figures of one kind; one that nobody declared is called by its name.

    Attributes:
        title: Its heading.
        metrics: Those that declare themselves.
        titles: What readers call figures that have another name in files; ``name@k`` stands for every k, and ``{k}``
            in its title for the number.
        better: Which way is better, by figure.
        others: Which way is better in all other figures.
        shown: Figures that the terminal's tables of one run have; None: all.
        open: Figures that the report page has outside the fold; None: all.
        compared: Figures that ``jsarag compare`` has where no metrics are asked for.
        stand_in: Whether ``jsarag compare`` has them only where examples have no passage labels.
        column: Heading where blocks with the same figures are the columns of one table; empty: it has a table alone.
        unit: Of all its figures.
        prefix: What stands before a title where blocks share one table; None: the block's name.
    """

    title: str
    metrics: Registry[Metric] | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    better: Mapping[str, Better] = field(default_factory=dict)
    others: Better = 1
    shown: Collection[str] | None = ()
    open: Collection[str] | None = ()
    compared: tuple[str, ...] = ()
    stand_in: bool = False
    column: str = ""
    unit: Unit = "percent"
    prefix: str | None = None

    def figure(self, name: str) -> Figure:
        """The figure of that name."""
        folded = self.open is not None and name not in self.open
        metric = self.metrics.loadable(name) if self.metrics is not None else None
        if metric is not None:
            return replace(metric, name=name, folded=folded)
        shown = self.shown is None or name in self.shown
        better = self.better.get(name, self.others)
        return Figure(name, self._title(name), better=better, shown=shown, unit=self.unit, folded=folded)

    def _title(self, name: str) -> str:
        family, at, k = name.partition("@")
        if name in self.titles or not at:
            return self.titles.get(name, name)
        return self.titles.get(f"{family}@k", name).format(k=k)


RANKED = {
    "hit@1": "right passage first",
    "hit@k": "right passage in first {k}",
    "recall@k": "share of right passages in first {k}",
    "mrr@k": "MRR@{k}",
    "ndcg@k": "nDCG@{k}",
}
HELD = {
    "answer@1": "answer in first passage",
    "answer@k": "answer in first {k} passages",
    "words@1": "answer's words in first passage",
    "words@k": "answer's words in one of {k}",
}
COMBINED = {
    "read_right": "read, right",
    "read_wrong": "read, wrong",
    "missed_right": "missed, right",
    "missed_wrong": "missed, wrong",
}

BLOCKS = {
    "prior": Block(
        "Right passages found",
        prefix="",
        titles=RANKED,
        shown=("hit@1", "hit@5", "mrr@10"),
        open=("hit@1", "hit@5", "mrr@10"),
        compared=("hit@1", "mrr@10"),
    ),
    "evidence": Block(
        "Retrieval without passage labels: do the passages hold the accepted answer?",
        prefix="",
        titles=HELD,
        shown=None,
        open=None,
        compared=("answer@5", "words@5"),
        stand_in=True,
    ),
    "likelihood": Block(
        "How likely the accepted answer is, log p(y|x) in nats a token",
        titles={"per_token": "with passages", "closed_book": "without passages"},
        shown=None,
        open=None,
        compared=("per_token",),
        stand_in=True,
        unit="nats",
        prefix="log p of the answer",
    ),
    "posterior": Block(
        "Posterior retriever, which sees the answer (used in training only)",
        titles=RANKED,
        compared=("mrr@10",),
    ),
    "selection": Block(
        "Passages given to the answer, as a set",
        titles={"precision": "precision", "recall": "recall", "f1": "F1", "exact": "exactly the right ones"},
    ),
    "calibration": Block(
        "Calibration of the probability of the best passage",
        titles={
            "ece": "calibration error (ECE)",
            "brier": "Brier score",
            "probability": "mean probability of the best passage",
        },
        better={"brier": -1, "ece": -1, "probability": 0},
    ),
    "answers": Block(
        "Answers from the passages", METRICS, shown=None, open=("em", "f1", "f1_mixed"), compared=("em", "f1")
    ),
    "dialog": Block(
        "Answers as responses of a dialog",
        titles={
            "f1": "F1",
            "unigram_f1": "F1 with articles",
            "knowledge_f1": "F1 against the right passage",
            "rouge1": "ROUGE-1",
            "rouge2": "ROUGE-2",
            "rougeL": "ROUGE-L",
            "meteor": "METEOR",
        },
    ),
    "closed_book": Block("Answers without passages (closed book)", METRICS, shown=None, open=("f1",)),
    "attribution": Block(
        "Where answers come from",
        prefix="",
        titles={
            "reference_in_passages": "accepted answer in a passage",
            "reference_in_first": "accepted answer in the first passage",
            "answer_in_passages": "answer in a passage",
            "answer_in_first": "answer in the first passage",
            "support": "answer's words in a passage",
            "against": "answer against its passages",
            "by_heart": "answer by heart, from no passage",
        },
        better={"against": -1, "by_heart": 0},
        shown=("answer_in_passages",),
        open=("answer_in_passages",),
    ),
    "combinations": Block(
        "Right passage read or missed, answer right or wrong: share of examples",
        titles=COMBINED,
        better={"read_wrong": -1, "missed_right": 0, "missed_wrong": -1},
        column="examples",
    ),
    "combinations_in_passages": Block(
        "In each combination: answer stands in a passage read",
        titles=COMBINED,
        others=0,
        column="answer stands in a passage",
    ),
    "combinations_by_heart": Block(
        "In each combination: answer by heart", titles=COMBINED, others=0, column="answer by heart"
    ),
}
"""Blocks in the order in which people should read them."""

BASELINE = "baseline:"
"""Begins the name of a block that holds the figures of another retriever."""


def block_of(name: str) -> Block:
    """The block of that name; one that nobody declared has its name for a heading, and shows all."""
    if name.startswith(BASELINE):
        other = "BM25" if name == f"{BASELINE}bm25" else name.removeprefix(BASELINE)
        shown = ("hit@1", "hit@5", "mrr@10", "answer@1", "answer@5")
        return Block(f"Baseline: {other}", titles=RANKED | HELD, shown=shown, open=shown, prefix=f"{other}:")
    return BLOCKS.get(name) or Block(name, shown=None, open=None)


def in_order(*summaries: Mapping[str, Collection[str]]) -> list[tuple[str, Figure]]:
    """Block and figure of whatever any of the summaries holds, in the order in which people should read them."""
    names = dict.fromkeys([*BLOCKS, *(name for summary in summaries for name in summary)])
    return [
        (name, block_of(name).figure(metric))
        for name in names
        for metric in dict.fromkeys(metric for summary in summaries for metric in summary.get(name, ()))
    ]
