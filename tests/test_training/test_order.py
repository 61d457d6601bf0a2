"""The order of training pairs."""

from __future__ import annotations

import pytest

from jsarag.training.config import LoopConfig
from jsarag.training.order import Order
from jsarag.types import InputError


def test_every_epoch_shows_every_pair_once_and_differs_from_the_last() -> None:
    order = Order(10, 4, seed=3)
    stream = [i for number in range(5) for i in order.batch(number)]  # 20 items, two epochs; one batch spans both
    assert sorted(stream[:10]) == sorted(stream[10:]) == list(range(10))
    assert stream[:10] != stream[10:]


def test_order_is_a_function_of_seed_and_step() -> None:
    assert Order(10, 4, seed=3).batch(7) == Order(10, 4, seed=3).batch(7)
    assert Order(10, 4, seed=3).batch(0) != Order(10, 4, seed=4).batch(0)


def test_a_run_has_one_budget_and_a_backward_pass_counts_as_two_forward() -> None:
    assert (LoopConfig(tokens=70).budget, LoopConfig(compute=80).budget, LoopConfig(steps=3).budget) == (70, 80, None)
    assert LoopConfig(tokens=70).spent(20, 10) == 30
    assert LoopConfig(compute=70).spent(20, 10) == 50
    with pytest.raises(InputError, match=r"loop.tokens: expected null where loop.steps"):
        LoopConfig(steps=3, tokens=70)
    with pytest.raises(InputError, match=r"loop.compute: expected null where loop.tokens"):
        LoopConfig(tokens=70, compute=80)


@pytest.mark.parametrize(
    ("pairs", "epochs", "steps"), [(50, 1.0, 7), (48, 1.0, 6), (3, 1.0, 1), (3, 0.1, 1), (240, 0.1, 3), (50, 2.0, 13)]
)
def test_the_last_batch_of_the_epochs_counts(pairs: int, epochs: float, steps: int) -> None:
    loop = LoopConfig(epochs=epochs)
    assert loop.number_of_steps(pairs) == steps
    order = Order(pairs, loop.batch_size, 0)
    seen = [i for number in range(steps) for i in order.batch(number)]
    assert len(seen) >= epochs * pairs > len(seen) - loop.batch_size
    if epochs >= 1:  # every pair is read
        assert set(seen) == set(range(pairs))
