"""The order of training pairs."""

from __future__ import annotations

from jsarag.training.order import Order


def test_every_epoch_shows_every_pair_once_and_differs_from_the_last() -> None:
    order = Order(10, 4, seed=3)
    stream = [i for number in range(5) for i in order.batch(number)]  # 20 items, two epochs; one batch spans both
    assert sorted(stream[:10]) == sorted(stream[10:]) == list(range(10))
    assert stream[:10] != stream[10:]


def test_order_is_a_function_of_seed_and_step() -> None:
    assert Order(10, 4, seed=3).batch(7) == Order(10, 4, seed=3).batch(7)
    assert Order(10, 4, seed=3).batch(0) != Order(10, 4, seed=4).batch(0)
