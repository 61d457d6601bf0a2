"""Exact match and F1 by SQuAD's rules, and F1 by MLQA's in scripts without blanks; the best reference counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jsarag.metrics.metric import Metric
from jsarag.metrics.words import bag_f1, mixed_words, squad_words, without_blanks


def _em(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    return _best(lambda said, right: float(said == right), squad_words, answers, references)


def _f1(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    return _best(_words_f1, squad_words, answers, references)


def _f1_mixed(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float] | None:
    if not any(without_blanks(text) for accepted in references for text in accepted):
        return None
    return _best(_words_f1, mixed_words, answers, references)


def _words_f1(said: list[str], right: list[str]) -> float:
    return bag_f1(said, right) if said and right else float(said == right)


def _best(
    score: Callable[[list[str], list[str]], float],
    words: Callable[[str], list[str]],
    answers: Sequence[str],
    references: Sequence[Sequence[str]],
) -> list[float]:
    pairs = [(words(answer), accepted) for answer, accepted in zip(answers, references, strict=True)]
    return [max(score(said, words(text)) for text in accepted) for said, accepted in pairs]


EM = Metric("em", "EM", _em, closed_book=True)
F1 = Metric("f1", "F1", _f1, closed_book=True)
F1_MIXED = Metric("f1_mixed", "f1_mixed", _f1_mixed, shown=False)
