"""Are probabilities what they say: reliability bins, expected calibration error, Brier score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jsarag.metrics.bootstrap import Estimate

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Examples whose probability lies from ``low`` to below ``high`` (the last bin holds 1 as well).

    Attributes:
        low: Where the bin begins.
        high: Where it ends.
        examples: How many there are, at least one.
        probability: Mean probability.
        right: Share of examples that are right.
    """

    low: float
    high: float
    examples: int
    probability: float
    right: float


def reliability(probabilities: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """The reliability diagram in numbers: equally wide bins from 0 to 1, those without examples left out.

    Args:
        probabilities: ``[examples]`` from 0 to 1.
        right: ``[examples]`` whether what was said with this probability is so.
        bins: How many bins.

    Raises:
        ValueError: no examples, lengths differ, a probability out of range, or no bins.
    """
    p, r, which = _binned(probabilities, right, bins)
    return [
        Bin(i / bins, (i + 1) / bins, int(own.sum()), float(p[own].mean()), float(r[own].mean()))
        for i in range(bins)
        if (own := which == i).any()
    ]


def calibration_error(
    probabilities: Sequence[float], right: Sequence[bool], *, bins: int = BINS, resamples: int = 1000, seed: int = 0
) -> Estimate:
    """Expected calibration error (arXiv 1706.04599, equation 3), with a 95 % percentile bootstrap over examples.

    sum over bins of |share of right ones - mean probability|, weighted by the bin's share of the examples. Chance
    alone keeps it above 0, the more so the fewer the examples; the interval shares that bias.

    Args:
        probabilities: ``[examples]`` from 0 to 1.
        right: ``[examples]`` whether what was said with this probability is so.
        bins: How many equally wide bins.
        resamples: Bootstrap resamples.
        seed: The same seed and values give the same interval.

    Raises:
        ValueError: as `reliability`.
    """
    p, r, which = _binned(probabilities, right, bins)
    gaps = r - p

    def error(weights: np.ndarray) -> float:
        return float(np.abs(np.bincount(which, weights=weights * gaps, minlength=bins)).sum() / len(p))

    rng = np.random.default_rng(seed)
    drawn = [
        error(np.bincount(rng.integers(len(p), size=len(p)), minlength=len(p)).astype(float)) for _ in range(resamples)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(error(np.ones(len(p))), float(low), float(high))


def brier_scores(probabilities: Sequence[float], right: Sequence[bool]) -> list[float]:
    """``[examples]`` squared distance of the probability from 1 where it is right, from 0 where not (Brier 1950).

    Raises:
        ValueError: no examples, lengths differ, or a probability out of range.
    """
    p, r, _ = _binned(probabilities, right, 1)
    return [float(value) for value in (p - r) ** 2]


def _binned(
    probabilities: Sequence[float], right: Sequence[bool], bins: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, truth as 0 and 1, and the bin of each example."""
    p, r = np.asarray(probabilities, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if p.ndim != 1 or p.shape != r.shape or not p.size:
        raise ValueError(f"expected probabilities and truth of the same examples, got shapes {p.shape} and {r.shape}")
    if not ((p >= 0) & (p <= 1)).all() or bins < 1:
        raise ValueError(f"expected probabilities from 0 to 1 and a bin or more, got up to {p.max()} and {bins} bins")
    edges = np.arange(1, bins) / bins
    return p, r, np.searchsorted(edges, p, side="right")
