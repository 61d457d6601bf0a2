"""The order in which training pairs are seen: a function of seed and step alone, so a resumed run needs no state."""

from __future__ import annotations

from functools import lru_cache

import torch


class Order:
    """An endless stream of shuffled epochs, cut into batches."""

    def __init__(self, examples: int, batch_size: int, seed: int) -> None:
        """``examples`` pairs in batches of ``batch_size``; a batch may span two epochs."""
        self._examples, self._batch_size, self._seed = examples, batch_size, seed
        self._epoch = lru_cache(maxsize=2)(self._permutation)

    def batch(self, number: int) -> list[int]:
        """Positions of the pairs in batch ``number``, counted from 0."""
        stream = range(number * self._batch_size, (number + 1) * self._batch_size)
        return [self._epoch(i // self._examples)[i % self._examples] for i in stream]

    def _permutation(self, epoch: int) -> list[int]:
        # One generator an epoch; a large prime keeps the epochs of neighbouring seeds apart.
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + epoch)
        order: list[int] = torch.randperm(self._examples, generator=generator).tolist()
        return order
