"""What an evaluation measures."""

from __future__ import annotations

from dataclasses import dataclass, field

from jsarag.checks import MANY, positive_or_null, require
from jsarag.pipeline import DecodingConfig


@dataclass(frozen=True)
class EvaluationConfig:
    """What is measured.

    Attributes:
        cutoffs: The k of hit@k, recall@k, mrr@k and ndcg@k.
        before: Also measure the models as they are before training.
        answers: Also generate and judge answers.
        closed_book: Also judge answers given without any passage.
        likelihood: Also measure how likely the accepted answers are, with passages and without, which reads one prompt
            a passage; null: where fewer than half of the pairs have gold passages.
        baselines: Retrievers without training that are measured beside the run's, on the test pairs: bm25 (word
            matching), or names of encoders. BM25 takes seconds and about as much memory as the passages' text; an
            encoder encodes all passages once more.
        limit: Judge answers on the first so many examples only; null: on all. Retrieval is always measured on all.
        resamples: Bootstrap resamples behind each interval.
        abstain: Share of the dev pairs that may go unanswered: it sets the least evidence with which `jsarag ask`
            answers. null: every question is answered.
        decoding: How answers are made.
    """

    cutoffs: tuple[int, ...] = (1, 5, 10, 20)
    before: bool = True
    answers: bool = True
    closed_book: bool = True
    likelihood: bool | None = None
    baselines: tuple[str, ...] = ("bm25",)
    limit: int | None = None
    resamples: int = 1000
    abstain: float | None = 0.05
    decoding: DecodingConfig = field(default_factory=DecodingConfig)

    def __post_init__(self) -> None:
        valid = bool(self.cutoffs) and all(k > 0 for k in self.cutoffs)
        require(valid, "evaluation.cutoffs", "numbers above 0", self.cutoffs)
        require(1 < self.resamples <= MANY, "evaluation.resamples", f"a number from 2 to {MANY:,}", self.resamples)
        once = all(self.baselines) and len(set(self.baselines)) == len(self.baselines)
        require(once, "evaluation.baselines", "names, each once", list(self.baselines))
        share = self.abstain is None or 0 <= self.abstain < 1
        require(share, "evaluation.abstain", "a share from 0 to below 1, or null", self.abstain)
        positive_or_null("evaluation.limit", self.limit)
