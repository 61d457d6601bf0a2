"""What an evaluation measures."""

from __future__ import annotations

from dataclasses import dataclass, field

from jsarag.checks import positive_or_null, require
from jsarag.pipeline import DecodingConfig


@dataclass(frozen=True)
class EvaluationConfig:
    """What is measured.

    Attributes:
        cutoffs: The k of hit@k, recall@k, mrr@k and ndcg@k.
        before: Also measure the models as they are before training.
        answers: Also generate and judge answers.
        closed_book: Also judge answers given without any passage.
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
    limit: int | None = None
    resamples: int = 1000
    abstain: float | None = 0.05
    decoding: DecodingConfig = field(default_factory=DecodingConfig)

    def __post_init__(self) -> None:
        valid = bool(self.cutoffs) and all(k > 0 for k in self.cutoffs)
        require(valid, "evaluation.cutoffs", "numbers above 0", self.cutoffs)
        require(self.resamples > 1, "evaluation.resamples", "a number above 1", self.resamples)
        share = self.abstain is None or 0 <= self.abstain < 1
        require(share, "evaluation.abstain", "a share from 0 to below 1, or null", self.abstain)
        positive_or_null("evaluation.limit", self.limit)
