"""Answers against references: exact match and F1 of SQuAD, ROUGE-L by rouge_score, BLEU by sacrebleu."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jsarag.metrics.bootstrap import Estimate
from jsarag.metrics.checks import check_references
from jsarag.metrics.rouge import rouge_scorer
from jsarag.metrics.words import bag_f1, mixed_words, spaced, squad_words, without_blanks

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
        ``em`` and ``f1`` as SQuAD's script computes them (version 2.0, whose F1 of two texts without words is 1): lower
        case, no ASCII punctuation, no a, an, the; words stand between blanks, so that ``f1`` of Chinese is hardly more
        than ``em``;
        ``f1_mixed`` only where a reference of any example is in a script without blanks (Chinese, Japanese, Thai, ...):
        F1 of single letters there and of words elsewhere, as MLQA's script computes Chinese (`mixed_words`);
        ``rougeL`` F-measure of the longest common subsequence of words, without stemming: the words of rouge_score in
        Latin texts, and words or single letters of other scripts (`rouge_words`);
        ``bleu1`` and ``bleu4`` sentence BLEU with effective order, exponential smoothing, 13a tokens, cased; letters of
        scripts without blanks are tokens, as with sacrebleu's ``zh``.

    Raises:
        ValueError: lengths differ, or an example has no reference.
    """
    check_references(predictions, references)
    rouge = rouge_scorer(["rougeL"])
    bleu = {name: _bleu(order, effective=True) for name, order in ORDERS.items()}
    mixed = ("f1_mixed",) if any(without_blanks(text) for accepted in references for text in accepted) else ()
    scores: dict[str, list[float]] = {name: [] for name in ("em", "f1", *mixed, "rougeL", *bleu)}
    for answer, accepted in zip(predictions, references, strict=True):
        said, right = squad_words(answer), [squad_words(text) for text in accepted]
        scores["em"].append(float(said in right))
        scores["f1"].append(max(_f1(said, words) for words in right))
        if mixed:
            said = mixed_words(answer)
            scores["f1_mixed"].append(max(_f1(said, mixed_words(text)) for text in accepted))
        scores["rougeL"].append(float(rouge.score_multi(accepted, answer)["rougeL"].fmeasure))
        for name, metric in bleu.items():
            scores[name].append(_share(metric.sentence_score(spaced(answer), [*map(spaced, accepted)]).score))
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
    predictions, references = [*map(spaced, predictions)], [[*map(spaced, accepted)] for accepted in references]
    width = max(len(accepted) for accepted in references)
    padded = [[accepted[j] if j < len(accepted) else None for accepted in references] for j in range(width)]
    return {name: _corpus(_bleu(order), predictions, padded, resamples) for name, order in ORDERS.items()}


def _f1(said: Sequence[str], right: Sequence[str]) -> float:
    return bag_f1(said, right) if said and right else float(said == right)


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
