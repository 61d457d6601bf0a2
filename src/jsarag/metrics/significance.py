"""Is one system better than another on the same examples: paired randomisation test, interval of the difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jsarag.metrics.bootstrap import Estimate


def randomisation(a: Sequence[float], b: Sequence[float], *, resamples: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value of the mean difference between paired scores (``scipy.stats.permutation_test``).

    Under the null hypothesis the two scores of an example could have been swapped; the test flips the sign of each
    example's difference at random. Exact where there are few enough examples.

    Args:
        a: ``[examples]`` scores of one system.
        b: ``[examples]`` scores of the other on the same examples.
        resamples: Random sign patterns.
        seed: The same seed and scores give the same value.

    Raises:
        ValueError: lengths differ, or there are no scores.
    """
    from scipy.stats import permutation_test

    difference = _paired(a, b)
    if not difference.any():
        return 1.0
    if len(difference) == 1:
        return 1.0  # two sign patterns, both as far from 0
    found = permutation_test(
        (difference,),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=1000,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def difference(
    a: Sequence[Sequence[float]], b: Sequence[Sequence[float]], *, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Mean of ``a`` minus mean of ``b`` with a 95 % percentile interval over seeds and examples.

    Both are resampled with replacement: the examples together in both systems, the seeds together where there are
    as many on both sides, else apart. With one seed the interval covers the choice of examples alone.

    Args:
        a: ``[seeds, examples]`` scores of one system.
        b: ``[seeds, examples]`` scores of the other on the same examples.
        resamples: Bootstrap resamples.
        seed: The same seed and scores give the same interval.

    Raises:
        ValueError: numbers of examples differ, or there are no scores.
    """
    one, other = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    _paired(one.mean(0), other.mean(0))
    rng = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for i in range(resamples):
        rows = rng.integers(len(one), size=len(one))
        others = rows if len(one) == len(other) else rng.integers(len(other), size=len(other))
        weight = np.bincount(rng.integers(one.shape[1], size=one.shape[1]), minlength=one.shape[1]) / one.shape[1]
        drawn[i] = (one[rows].mean(0) - other[others].mean(0)) @ weight
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(one.mean() - other.mean()), float(low), float(high))


def _paired(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> np.ndarray:
    one, other = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape or not one.size:
        raise ValueError(f"expected scores of the same examples, got shapes {one.shape} and {other.shape}")
    return one - other
