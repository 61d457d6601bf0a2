"""Responses of a dialog against references and knowledge, as ParlAI and DSTC11 track 5 score them."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.metrics.checks import check_references
from jsarag.metrics.rouge import rouge_scorer
from jsarag.metrics.words import bag_f1, dialog_words

ROUGE = ("rouge1", "rouge2", "rougeL")


def dialog_scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """Score each response against its references; the best reference counts.

    Args:
        predictions: ``[examples]`` responses, which may be empty.
        references: ``[examples, any]`` accepted responses, at least one an example.

    Returns:
        ``[examples]`` values from 0 to 1:
        ``f1`` of words by ParlAI's rules: lower case, punctuation turned into blanks, no a, an, the; 0 for an empty
        response (SQuAD's F1 deletes punctuation, and an empty answer may be right there); letters of scripts without
        blanks are words (`dialog_words`);
        ``unigram_f1`` the same with the articles;
        ``rouge1``, ``rouge2``, ``rougeL`` F-measures with Porter's stemmer, as the scorer of DSTC11 track 5 calls
        rouge_score (arXiv 2305.12091); words and letters of other scripts count too (`rouge_words`).

    Raises:
        ValueError: lengths differ, or an example has no reference.
    """
    check_references(predictions, references)
    rouge = rouge_scorer(ROUGE, stem=True)
    scores: dict[str, list[float]] = {name: [] for name in ("f1", "unigram_f1", *ROUGE)}
    for response, accepted in zip(predictions, references, strict=True):
        scores["f1"].append(_best_f1(response, accepted, articles=False))
        scores["unigram_f1"].append(_best_f1(response, accepted, articles=True))
        found = rouge.score_multi(accepted, response)
        for name in ROUGE:
            scores[name].append(float(found[name].fmeasure))
    return scores


def knowledge_f1(predictions: Sequence[str], knowledge: Sequence[Sequence[str]]) -> list[float]:
    """Knowledge F1: `dialog_scores`'s f1 of a response against the text of the gold passage (arXiv 2104.07567).

    Args:
        predictions: ``[examples]`` responses, which may be empty.
        knowledge: ``[examples, any]`` texts of the gold passages, at least one an example; the best one counts.

    Raises:
        ValueError: lengths differ, or an example has no gold passage.
    """
    check_references(predictions, knowledge)
    return [_best_f1(response, texts, articles=False) for response, texts in zip(predictions, knowledge, strict=True)]


def _best_f1(response: str, texts: Sequence[str], *, articles: bool) -> float:
    words = dialog_words(response, articles=articles)
    return max(bag_f1(words, dialog_words(text, articles=articles)) for text in texts)
