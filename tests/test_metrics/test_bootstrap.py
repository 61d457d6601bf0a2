"""The interval of a mean against the closed form of the binomial, and its degenerate cases."""

from __future__ import annotations

import math
import warnings

import pytest

from jsarag.metrics import Estimate, interval


def test_interval_of_a_share_is_that_of_the_binomial() -> None:
    """400 coin tosses with 240 heads: mean 0.6, standard error sqrt(0.6 * 0.4 / 400)."""
    estimate = interval([1.0] * 240 + [0.0] * 160, resamples=4000)
    half = 1.96 * math.sqrt(0.6 * 0.4 / 400)
    assert estimate.mean == pytest.approx(0.6)
    assert estimate.low == pytest.approx(0.6 - half, abs=0.006)
    assert estimate.high == pytest.approx(0.6 + half, abs=0.006)


def test_more_confidence_is_a_wider_interval() -> None:
    values = [float(i) for i in range(50)]
    narrow, wide = interval(values, confidence=0.5), interval(values, confidence=0.99)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_the_seed_decides_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [0.1, 0.5, 0.2, 0.9, 0.4, 0.45]
    first = interval(values, resamples=200, seed=3)
    assert first == interval(values, resamples=200, seed=3)
    assert first != interval(values, resamples=200, seed=4)
    # Resampling in portions bounds memory and must not change anything.
    monkeypatch.setattr("jsarag.metrics.bootstrap.BATCH_VALUES", 7 * len(values))
    assert first == interval(values, resamples=200, seed=3)


@pytest.mark.parametrize(
    "values",
    [
        [0.7],  # one example: nothing to resample
        [0.1] * 3,  # the mean of 0.1 three times is not 0.1 in binary
        [0.0] * 5,
        [1] * 4,  # whole numbers
    ],
)
def test_equal_values_have_a_point_for_an_interval(values: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert interval(values) == Estimate(values[0], values[0], values[0])


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([], {}),
        ([0.5, math.nan], {}),
        ([0.5, math.inf], {}),
        ([0.5, 1.0], {"confidence": 1.0}),
        ([0.5, 1.0], {"confidence": 0.0}),
        ([0.5, 1.0], {"resamples": 0}),
    ],
)
def test_what_has_no_interval_is_refused(values: list[float], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        interval(values, **options)  # type: ignore[arg-type]
