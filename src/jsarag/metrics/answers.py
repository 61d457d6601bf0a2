"""The metrics of answers by name; a new one is a new file and a name in `METRICS`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jsarag.metrics.bleu import BLEU1, BLEU4
from jsarag.metrics.checks import check_references
from jsarag.metrics.metric import Metric
from jsarag.metrics.rouge import ROUGE_L
from jsarag.metrics.squad import EM, F1, F1_MIXED
from jsarag.registry import Registry
from jsarag.types import InputError

METRICS: Registry[Metric] = Registry(
    "jsarag.metrics", {metric.name: metric for metric in (EM, F1, F1_MIXED, ROUGE_L, BLEU1, BLEU4)}
)


def answer_scores(
    predictions: Sequence[str], references: Sequence[Sequence[str]], metrics: Mapping[str, Metric] | None = None
) -> dict[str, list[float]]:
    """Score each answer against its references; the best reference counts.

    Args:
        predictions: ``[examples]`` answers, which may be empty.
        references: ``[examples, any]`` accepted answers, at least one an example.
        metrics: By name; default: all of `METRICS`.

    Returns:
        ``[examples]`` values from 0 to 1 of each metric that is meant for these texts; of those built in:
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
        InputError: a metric does not give a finite number an answer.
    """
    check_references(predictions, references)
    scores = {}
    for name, metric in (METRICS.all_loadable() if metrics is None else metrics).items():
        values = metric.score(predictions, references)
        if values is not None:
            if len(values) != len(predictions) or not np.isfinite(values).all():
                raise InputError(f"metric {name!r}: expected {len(predictions)} finite numbers, one an answer")
            scores[name] = [float(value) for value in values]
    return scores
