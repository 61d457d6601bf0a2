"""The mean of per-example values with its bootstrap interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BATCH_VALUES = 10_000_000
"""Values resampled at once; bounds memory, not the result."""


@dataclass(frozen=True)
class Estimate:
    """A mean and the ends of its confidence interval, in the unit of the values."""

    mean: float
    low: float
    high: float


def interval(values: Sequence[float], *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0) -> Estimate:
    """Estimate the mean of ``values`` with a percentile bootstrap over examples (``scipy.stats.bootstrap``).

    Args:
        values: ``[examples]`` one value an example.
        confidence: Coverage of the interval, above 0 and below 1.
        resamples: Bootstrap resamples.
        seed: The same seed and values give the same interval.

    Returns:
        The mean with its interval; where all values are equal, or there is one, the interval is that point.

    Raises:
        ValueError: no values, a value that is not finite, or ``confidence`` or ``resamples`` out of range.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not sample.size:
        raise ValueError(f"expected values[examples] with at least one example, got shape {sample.shape}")
    if not np.isfinite(sample).all():
        raise ValueError(f"expected finite values, got {sample[~np.isfinite(sample)][0]}")
    if not 0 < confidence < 1 or resamples < 1:
        raise ValueError(f"expected 0 < confidence < 1 and resamples >= 1, got {confidence} and {resamples}")
    if sample.min() == sample.max():
        # Taken apart: the mean of equal values may differ from them in the last bit.
        return Estimate(*[float(sample[0])] * 3)

    from scipy.stats import bootstrap

    ends = bootstrap(
        (sample,),
        np.mean,
        confidence_level=confidence,
        n_resamples=resamples,
        batch=max(1, BATCH_VALUES // sample.size),
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(float(sample.mean()), float(ends.low), float(ends.high))
