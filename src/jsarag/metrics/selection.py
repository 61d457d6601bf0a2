"""Selected knowledge as a set against the gold set: precision, recall, F1 and exact match, as in DSTC11 track 5."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from jsarag.metrics.bootstrap import Estimate


def selection_scores(selected: Sequence[Collection[str]], gold: Sequence[Collection[str]]) -> dict[str, list[float]]:
    """Score each selected set by itself.

    Args:
        selected: ``[examples, any]`` ids of the passages an answer is given; may be empty, repeats count once.
        gold: ``[examples, any]`` ids of the right ones, at least one an example.

    Returns:
        ``[examples]`` values from 0 to 1: ``precision`` right ones among the selected (0 where none is selected),
        ``recall`` selected ones among the right, ``f1`` their harmonic mean, ``exact`` 1 where the sets are equal.

    Raises:
        ValueError: lengths differ, or an example has no gold passage.
    """
    counts = _counts(selected, gold)
    p, r, f1 = _pooled(counts)
    exact = (counts[:, 0] == counts[:, 1]) & (counts[:, 0] == counts[:, 2])
    return {name: v.astype(float).tolist() for name, v in zip(_NAMES, (p, r, f1, exact), strict=True)}


def pooled_selection(
    selected: Sequence[Collection[str]], gold: Sequence[Collection[str]], *, resamples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """``precision``, ``recall`` and ``f1`` of all examples pooled, which is how DSTC11 track 5 reports them.

    Counts are summed over the examples before they are divided, so an example with many gold passages weighs more
    than in the mean of `selection_scores`. The intervals are 95 % percentile bootstrap over examples.

    Args:
        selected: ``[examples, any]`` ids of the passages an answer is given.
        gold: ``[examples, any]`` ids of the right ones, at least one an example.
        resamples: Bootstrap resamples.
        seed: The same seed and sets give the same intervals.

    Raises:
        ValueError: no examples, lengths differ, or an example has no gold passage.
    """
    counts = _counts(selected, gold)
    if not len(counts):
        raise ValueError("expected an example, got none")
    rng = np.random.default_rng(seed)
    drawn = np.stack([counts[rng.integers(len(counts), size=len(counts))].sum(0) for _ in range(resamples)])
    middle, spread = _pooled(counts.sum(0, keepdims=True)), _pooled(drawn)
    ends = [np.quantile(values, [0.025, 0.975]) for values in spread]
    return {
        name: Estimate(float(value[0]), float(low), float(high))
        for name, value, (low, high) in zip(_NAMES[:3], middle, ends, strict=True)
    }


_NAMES = ("precision", "recall", "f1", "exact")


def _counts(selected: Sequence[Collection[str]], gold: Sequence[Collection[str]]) -> np.ndarray:
    """``[examples, 3]`` right and selected, selected, right."""
    if len(selected) != len(gold):
        raise ValueError(f"expected as many selected as gold sets, got {len(selected)} and {len(gold)}")
    bare = next((i for i, right in enumerate(gold) if not right), None)
    if bare is not None:
        raise ValueError(f"example {bare} has no gold passage")
    sets = [(set(some), set(right)) for some, right in zip(selected, gold, strict=True)]
    return np.array([(len(a & b), len(a), len(b)) for a, b in sets], dtype=np.float64).reshape(-1, 3)


def _pooled(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``[n]`` precision, recall and F1 of ``counts[n, 3]``."""
    both, chosen, right = counts.T
    return both / np.maximum(chosen, 1), both / right, 2 * both / (chosen + right)
