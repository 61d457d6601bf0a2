"""Batches by length: against all ways to cut the sorted items."""

from itertools import product

import pytest

from jsarag.models.batching import by_length

LENGTHS = [
    [],
    [7],
    [0, 0, 3],
    [300, 20, 20, 20, 20],
    [500, 500, 40, 30, 30, 30, 30, 20],
    [90, 80, 70, 60, 50, 40, 30, 20, 10],
    [1000, 1000, 1000, 10],
]


def cost(batches: list[list[int]], lengths: list[int], overhead: int) -> int:
    return sum(len(batch) * max(*(lengths[i] for i in batch), 1) + overhead for batch in batches)


def cuts(order: list[int]) -> list[list[list[int]]]:
    found = []
    for choice in product([False, True], repeat=max(len(order) - 1, 0)):
        batches = [order[:1]] if order else []
        for i, cut in zip(order[1:], choice, strict=True):
            if cut:
                batches.append([i])
            else:
                batches[-1].append(i)
        found.append(batches)
    return found


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("budget", [60, 600, 2048])
@pytest.mark.parametrize("overhead", [0, 50, 256, 4096])
def test_the_cheapest_of_all_ways_within_the_budget(lengths: list[int], budget: int, overhead: int) -> None:
    batches = by_length(range(len(lengths)), lengths.__getitem__, budget, overhead)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    order = [i for batch in batches for i in batch]
    assert [lengths[i] for i in order] == sorted(lengths, reverse=True)

    def fits(batch: list[int]) -> bool:
        return len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget

    allowed = [some for some in cuts(order) if all(map(fits, some))]
    assert batches in allowed
    assert cost(batches, lengths, overhead) == min(cost(some, lengths, overhead) for some in allowed)
