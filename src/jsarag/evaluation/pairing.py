"""Two evaluations of the same examples: is the difference more than chance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jsarag.evaluation.sheet import Row
from jsarag.metrics import difference, randomisation

Paired = dict[str, dict[str, float]]
"""By ``block/metric``: ``before`` and ``after``, the means of the two sides; ``mean``, ``low`` and ``high`` of the
difference after minus before with its 95 % interval; ``p`` of the paired randomisation test; ``examples``."""

Score = tuple[str, str]
"""A score of one side and the score of the other that it is compared with, each as ``block/metric``."""


def same(rows: Sequence[Row]) -> list[Score]:
    """Each score of the first row, to be compared with itself."""
    return [(name, name) for name in dict.fromkeys(name for row in rows for name in row if "/" in name)]


def paired(
    before: Sequence[Row], after: Sequence[Row], scores: Sequence[Score] | None = None, *, resamples: int = 1000
) -> Paired:
    """Test each score by the examples that have it on both sides; named by the score of ``after``.

    Args:
        before: Rows of one evaluation, with scores as ``block/metric``.
        after: Rows of the other, of the same examples in the same order.
        scores: Pairs of a score in ``before`` and one in ``after``; None: each score with itself.
        resamples: Of the interval; the test takes ten times as many.

    Raises:
        ValueError: other examples on one side.
    """
    if [row["id"] for row in before] != [row["id"] for row in after]:
        raise ValueError("expected rows of the same examples in the same order")
    found: Paired = {}
    # Many scores are the same numbers under two names: hit@1, recall@1, mrr@1.
    known: dict[tuple[tuple[float, ...], tuple[float, ...]], dict[str, float]] = {}
    for theirs, own in scores if scores is not None else same(after):
        both = [(a[theirs], b[own]) for a, b in zip(before, after, strict=True) if theirs in a and own in b]
        if both:
            x, y = (tuple(map(float, side)) for side in zip(*both, strict=True))
            if (x, y) not in known:
                known[x, y] = _tested(x, y, resamples)
            found[own] = known[x, y]
    return found


def means_only(found: Paired, before: Mapping[str, Any], after: Mapping[str, Any]) -> Paired:
    """Without figures that are no mean over examples, such as BLEU of a corpus: the test is of a mean."""

    def is_mean(name: str, side: Mapping[str, Any], mean: float) -> bool:
        block, _, metric = name.rpartition("/")
        return bool(abs(side.get(block, {}).get(metric, {}).get("mean", mean) - mean) < 1e-9)

    return {
        name: test
        for name, test in found.items()
        if is_mean(name, before, test["before"]) and is_mean(name, after, test["after"])
    }


def _tested(x: Sequence[float], y: Sequence[float], resamples: int) -> dict[str, float]:
    estimate = difference([y], [x], resamples=resamples)
    # Examples without a difference are the same under every pattern of signs: leaving them out saves most of the time.
    moved = [(a, b) for a, b in zip(x, y, strict=True) if a != b]
    return {
        "before": sum(x) / len(x),
        "after": sum(y) / len(y),
        "mean": estimate.mean,
        "low": estimate.low,
        "high": estimate.high,
        "p": randomisation(*zip(*moved, strict=True), resamples=10 * resamples) if moved else 1.0,
        "examples": len(x),
    }
