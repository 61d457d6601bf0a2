"""Answers against references: exact match, F1, ROUGE-L and BLEU, by torchmetrics, rouge_score and sacrebleu."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jsarag.metrics.bootstrap import Estimate
from jsarag.metrics.checks import check_references

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

ORDERS = {"bleu1": 1, "bleu4": 4}
"""Longest n-gram of each BLEU."""


def answer_scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """Score each answer against its references; the best reference counts.

    Args:
        predictions: ``[examples]`` answers, which may be empty.
        references: ``[examples, any]`` accepted answers, at least one an example.

    Returns:
        ``[examples]`` values from 0 to 1:
        ``em`` and ``f1`` after SQuAD normalisation (lower case; no punctuation, no a, an, the), so an empty answer
        is right exactly where a reference normalises to nothing;
        ``rougeL`` F-measure of the longest common subsequence of words, without stemming (rouge_score keeps the
        letters a to z and digits only: a text in another script scores 0);
        ``bleu1`` and ``bleu4`` sentence BLEU with effective order, exponential smoothing, 13a tokens, cased.

    Raises:
        ValueError: lengths differ, or an example has no reference.
    """
    from rouge_score.rouge_scorer import RougeScorer
    from torchmetrics.functional.text import squad

    check_references(predictions, references)
    rouge = RougeScorer(["rougeL"], use_stemmer=False)
    bleu = {name: _bleu(order, effective=True) for name, order in ORDERS.items()}
    scores: dict[str, list[float]] = {name: [] for name in ("em", "f1", "rougeL", *bleu)}
    for answer, accepted in zip(predictions, references, strict=True):
        values = squad(
            {"prediction_text": answer, "id": ""},
            {"answers": {"answer_start": [0] * len(accepted), "text": list(accepted)}, "id": ""},
        )
        scores["em"].append(float(values["exact_match"]) / 100)
        scores["f1"].append(float(values["f1"]) / 100)
        scores["rougeL"].append(float(rouge.score_multi(accepted, answer)["rougeL"].fmeasure))
        for name, metric in bleu.items():
            scores[name].append(_share(metric.sentence_score(answer, list(accepted)).score))
    return scores


def corpus_bleu(
    predictions: Sequence[str], references: Sequence[Sequence[str]], *, resamples: int = 1000
) -> dict[str, Estimate]:
    """BLEU of the whole corpus, ``bleu1`` and ``bleu4``, from 0 to 1, with sacrebleu's 95% bootstrap interval.

    No effective order here: in a corpus without any 4-gram BLEU-4 is 0. sacrebleu draws its resamples from a fixed
    seed and holds them all: about 60 bytes an example and resample.

    Args:
        predictions: ``[examples]`` answers, which may be empty.
        references: ``[examples, any]`` accepted answers, at least one an example, in any number.
        resamples: Bootstrap resamples, at least 2.

    Raises:
        ValueError: no examples, lengths differ, an example has no reference, or fewer than 2 resamples.
    """
    check_references(predictions, references)
    if not predictions or resamples < 2:
        raise ValueError(f"expected an example and 2 resamples or more, got {len(predictions)} and {resamples}")
    width = max(len(accepted) for accepted in references)
    padded = [[accepted[j] if j < len(accepted) else None for accepted in references] for j in range(width)]
    return {name: _corpus(_bleu(order), predictions, padded, resamples) for name, order in ORDERS.items()}


def _corpus(
    metric: BLEU, predictions: Sequence[str], padded: Sequence[Sequence[str | None]], resamples: int
) -> Estimate:
    # sacrebleu's annotations leave out the None that its code takes for a missing reference.
    score = metric.corpus_score(list(predictions), padded, n_bootstrap=resamples)  # type: ignore[arg-type]
    # Its JSON is the public way to the interval, and has none where every resample scored 0.
    row = json.loads(score.format(width=6, signature=str(metric.get_signature()), is_json=True))
    middle, half = row.get("confidence_mean", 0.0), row.get("confidence_var", 0.0)
    return Estimate(_share(score.score), _share(middle - half), _share(middle + half))


def _bleu(order: int, *, effective: bool = False) -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    # `force` only silences a hint about tokenised text, which answers of a model may look like.
    return BLEU(max_ngram_order=order, effective_order=effective, force=True)


def _share(percent: float) -> float:
    """From percent to 0..1; a perfect BLEU comes out of exp and log a last bit above 100."""
    return min(max(float(percent) / 100, 0.0), 1.0)
