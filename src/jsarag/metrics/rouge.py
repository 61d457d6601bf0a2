"""ROUGE-L, and the scorer of the package rouge_score with words of every script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jsarag.metrics.metric import Metric
from jsarag.metrics.words import rouge_words

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer


def rouge_scorer(names: Sequence[str], *, stem: bool = False) -> RougeScorer:
    """A ``RougeScorer`` on `rouge_words`; in Latin texts its figures are those of rouge_score's own words.

    Args:
        names: rouge1, rouge2, rougeL, ...
        stem: Cut words of a to z and 0 to 9 to their stems by Porter's rules, where they have more than three letters.
    """
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(names), tokenizer=_Tokenizer(stem=stem))


class _Tokenizer:
    """What rouge_score asks of a tokenizer."""

    def __init__(self, *, stem: bool) -> None:
        from rouge_score.tokenizers import DefaultTokenizer

        self.latin = DefaultTokenizer(use_stemmer=stem)

    def tokenize(self, text: str) -> list[str]:
        if text.isascii():
            return list(self.latin.tokenize(text))
        words = rouge_words(text)
        return [token for word in words for token in (self.latin.tokenize(word) if word.isascii() else (word,))]


def _rouge_l(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    scorer, pairs = rouge_scorer(["rougeL"]), zip(answers, references, strict=True)
    return [float(scorer.score_multi(accepted, said)["rougeL"].fmeasure) for said, accepted in pairs]


ROUGE_L = Metric("rougeL", "ROUGE-L", _rouge_l)
