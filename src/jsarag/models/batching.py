"""Batches by length and token budget, so that little of a padded batch is padding."""

from __future__ import annotations

from collections.abc import Sequence


def by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group positions so that (longest in the group) times (size of the group) stays within ``budget`` tokens.

    Longest first, so that the batch that needs most memory comes first. An item longer than the budget stands alone.
    """
    batches: list[list[int]] = []
    room = 0
    for position in sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True):
        if room < 1:
            batches.append([])
            room = max(budget // max(lengths[position], 1), 1)
        batches[-1].append(position)
        room -= 1
    return batches
