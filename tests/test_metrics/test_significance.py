"""Paired tests against enumeration of all sign patterns, and intervals against closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from jsarag.metrics import difference, randomisation


def test_p_value_is_that_of_all_sign_patterns() -> None:
    a, b = [0.9, 0.4, 1.0, 0.7, 0.3, 0.8], [0.5, 0.5, 0.2, 0.1, 0.4, 0.6]
    d = [x - y for x, y in zip(a, b, strict=True)]
    totals = [abs(sum(s * x for s, x in zip(signs, d, strict=True))) for signs in itertools.product((1, -1), repeat=6)]
    truth = sum(total >= abs(sum(d)) - 1e-12 for total in totals) / len(totals)
    assert randomisation(a, b) == pytest.approx(truth)
    assert randomisation(b, a) == pytest.approx(truth)


def test_p_value_of_hits_is_near_that_of_the_sign_test() -> None:
    # 30 examples won and 12 lost among 500: the exact sign test on 42 decided ones.
    a, b = [1.0] * 30 + [0.0] * 12 + [1.0] * 458, [0.0] * 30 + [1.0] * 12 + [1.0] * 458
    truth = 2 * sum(math.comb(42, k) for k in range(30, 43)) / 2**42
    assert randomisation(a, b, resamples=20_000) == pytest.approx(truth, abs=0.004)


def test_equal_systems_and_single_examples_are_never_different() -> None:
    assert randomisation([0.2, 0.7], [0.2, 0.7]) == 1.0
    assert randomisation([1.0], [0.0]) == 1.0
    with pytest.raises(ValueError, match="same examples"):
        randomisation([1.0, 0.0], [1.0])


def test_interval_with_one_seed_is_that_of_the_paired_mean() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 1, 400), rng.normal(0.3, 1, 400)
    found = difference([a.tolist()], [b.tolist()], resamples=4000)
    error = (a - b).std(ddof=1) / 20
    assert found.mean == pytest.approx((a - b).mean())
    assert found.low == pytest.approx((a - b).mean() - 1.96 * error, abs=0.1 * error + 0.01)
    assert found.high == pytest.approx((a - b).mean() + 1.96 * error, abs=0.1 * error + 0.01)


def test_seeds_that_differ_widen_the_interval() -> None:
    flat = [[0.5] * 100, [0.5] * 100, [0.5] * 100]
    steady, wild = [[0.7] * 100] * 3, [[0.4] * 100, [0.7] * 100, [1.0] * 100]
    assert difference(steady, flat).low == pytest.approx(0.2)
    found = difference(wild, flat)
    assert found.mean == pytest.approx(0.2)
    assert found.low < 0 < found.high
