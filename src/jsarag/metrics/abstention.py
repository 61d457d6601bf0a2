"""When not to answer: the evidence below which a question is declined, and what that costs and saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

POINTS = 20
"""Points of a curve."""


@dataclass(frozen=True)
class Point:
    """What a threshold does.

    Attributes:
        threshold: The least evidence with which a question is answered.
        coverage: Share of the questions that are answered.
        precision: Share of the answered questions that are right; 1 where none is answered.
    """

    threshold: float
    coverage: float
    precision: float


def threshold_at(evidence: Sequence[float], lost: float) -> float:
    """The highest threshold that declines at most the share ``lost`` of questions with these values.

    Args:
        evidence: ``[questions]``, at least one.
        lost: From 0 to below 1.

    Example:
        >>> threshold_at([3.0, 1.0, 2.0, 4.0], 0.25)
        2.0
    """
    ranked = np.sort(np.asarray(evidence, dtype=float))
    return float(ranked[int(lost * len(ranked) + 1e-9)])


def point_at(evidence: Sequence[float], right: Sequence[bool], threshold: float) -> Point:
    """Coverage and precision of one threshold (risk and coverage of arXiv 1705.08500, precision is 1 - risk).

    Args:
        evidence: ``[questions]``, at least one.
        right: ``[questions]`` whether the question would be served well.
        threshold: The least evidence with which a question is answered.

    Raises:
        ValueError: lengths differ, or there is no question.
    """
    if len(evidence) != len(right) or not len(evidence):
        raise ValueError(f"expected as many values as questions, at least one; got {len(evidence)} and {len(right)}")
    answered = np.asarray(evidence, dtype=float) >= threshold
    precision = float(np.asarray(right, dtype=float)[answered].mean()) if answered.any() else 1.0
    return Point(float(threshold), float(answered.mean()), precision)


def abstention_curve(evidence: Sequence[float], right: Sequence[bool]) -> list[Point]:
    """Coverage and precision of thresholds that decline ever more questions, from none on."""
    lost = [i / POINTS for i in range(POINTS)]
    thresholds = dict.fromkeys(threshold_at(evidence, share) for share in lost)
    return [point_at(evidence, right, threshold) for threshold in thresholds]
