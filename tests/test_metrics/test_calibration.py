"""Calibration figures against torchmetrics, scikit-learn and values worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import brier_score_loss
from torchmetrics.functional.classification import binary_calibration_error

from jsarag.metrics import brier_scores, calibration_error, reliability

P = [0.1, 0.3, 0.3, 0.5, 0.99, 1.0]
RIGHT = [False, False, True, True, True, False]


def test_bins_worked_by_hand() -> None:
    """Two bins: 0.1, 0.3, 0.3 with one right of three; an edge belongs to the bin it begins; 1 to the last one."""
    low, high = reliability(P, RIGHT, bins=2)
    assert (low.low, low.high, low.examples, high.low, high.high, high.examples) == (0, 0.5, 3, 0.5, 1, 3)
    assert [low.probability, low.right] == pytest.approx([0.7 / 3, 1 / 3])
    assert [high.probability, high.right] == pytest.approx([2.49 / 3, 2 / 3])
    expected = 3 / 6 * abs(1 / 3 - 0.7 / 3) + 3 / 6 * abs(2 / 3 - 2.49 / 3)
    assert calibration_error(P, RIGHT, bins=2).mean == pytest.approx(expected)
    assert brier_scores(P, RIGHT) == pytest.approx([0.01, 0.09, 0.49, 0.25, 0.0001, 1])


def test_empty_bins_are_left_out() -> None:
    assert [(one.low, one.examples) for one in reliability(P, RIGHT)] == [(0.1, 1), (0.3, 2), (0.5, 1), (0.9, 2)]


@pytest.mark.parametrize("bins", [1, 7, 10, 15])
@pytest.mark.parametrize("seed", [0, 1])
def test_errors_are_those_of_reference_packages(bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.beta(2, 1, size=300)
    right = rng.random(300) < p**2
    expected = binary_calibration_error(torch.tensor(p), torch.tensor(right).int(), n_bins=bins)
    found = calibration_error(p.tolist(), right.tolist(), bins=bins, resamples=10)
    assert found.mean == pytest.approx(float(expected), abs=1e-6)
    parts = [
        one.examples / 300 * abs(one.right - one.probability) for one in reliability(p.tolist(), right.tolist(), bins)
    ]
    assert sum(parts) == pytest.approx(found.mean)
    assert np.mean(brier_scores(p.tolist(), right.tolist())) == pytest.approx(brier_score_loss(right, p))


def test_the_interval_is_that_of_a_share_where_there_is_one_probability() -> None:
    """All say 0.9 and 60 % of 400 are right: the error is 0.9 - share, with standard error sqrt(0.6 * 0.4 / 400)."""
    found = calibration_error([0.9] * 400, [True] * 240 + [False] * 160, resamples=4000)
    half = 1.96 * (0.6 * 0.4 / 400) ** 0.5
    assert [found.low, found.mean, found.high] == pytest.approx([0.3 - half, 0.3, 0.3 + half], abs=0.01)


def test_the_same_seed_gives_the_same_interval() -> None:
    one, same, other = (calibration_error(P, RIGHT, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one.mean == other.mean
    assert (one.low, one.high) != (other.low, other.high)


@pytest.mark.parametrize(
    ("p", "right"), [([], []), ([0.5], []), ([1.5], [True]), ([-0.1], [True]), ([float("nan")], [True])]
)
def test_what_is_no_probability_is_refused(p: list[float], right: list[bool]) -> None:
    for measure in (reliability, brier_scores, calibration_error):
        with pytest.raises(ValueError, match="expected probabilities"):
            measure(p, right)
    with pytest.raises(ValueError, match="0 bins"):
        reliability([0.5], [True], 0)
