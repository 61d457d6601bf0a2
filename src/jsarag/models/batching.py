"""Batches by length and token budget, so that little of a padded batch is padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

OVERHEAD = 256
"""What a batch costs beside its tokens, in tokens: half as many saved 0.15 s each at 2,000 tokens a second (bf16)."""


def by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group positions so that (longest in the group) times (size of the group) stays within ``budget`` tokens.

    Of all ways to cut the sorted items into groups it takes the cheapest, counting padded tokens and `OVERHEAD` for
    each group. Longest first, so that the batch that needs most memory comes first. An item longer than the budget
    stands alone.
    """
    order = sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True)
    sizes = np.array([max(lengths[i], 1) for i in order])
    room = np.maximum(budget // sizes, 1)  # of a group that starts at an item
    cost = np.zeros(len(order) + 1)  # of the first so many items
    start = np.zeros(len(order) + 1, dtype=int)  # of the last group among them
    first = 0
    for end in range(1, len(order) + 1):
        while end - first > room[first]:
            first += 1
        starts = np.arange(first, end)
        costs = cost[starts] + (end - starts) * sizes[starts] + OVERHEAD
        start[end] = starts[costs.argmin()]
        cost[end] = costs.min()
    batches, end = [], len(order)
    while end:
        batches.append(order[start[end] : end])
        end = int(start[end])
    return batches[::-1]
