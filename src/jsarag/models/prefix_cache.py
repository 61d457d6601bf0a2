"""Keys and values of how prompts began lately, within bounds: a prompt that begins alike is read from there on."""

from __future__ import annotations

from bisect import bisect, insort
from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

Layers = list[tuple[Tensor, Tensor]]
"""Keys and values, ``[heads, tokens, dimensions]`` each, layer by layer."""


class PrefixCache:
    """Beginnings of prompts with their keys and values; the one that was not asked for longest goes first.

    Attributes:
        room: Bytes that it may hold.
        held: Bytes that it holds.
        asked: Tokens of the prompts that were looked up so far.
        found: Those of them that were known.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.held = self.asked = self.found = 0
        self._layers: OrderedDict[tuple[int, ...], Layers] = OrderedDict()
        self._sorted: list[tuple[int, ...]] = []

    def longest(self, prompt: Sequence[int]) -> tuple[int, Layers]:
        """How many of the first tokens of ``prompt`` are known, and a beginning's layers that hold them.

        The last token never is: a model has to read something.
        """
        wanted = tuple(prompt)
        place = bisect(self._sorted, wanted)
        # In the order of words in a dictionary, what begins alike for longest stands beside it.
        beside = self._sorted[max(place - 1, 0) : place + 1]
        length, best = max(((common(one, wanted[:-1]), one) for one in beside), default=(0, ()))
        self.asked += len(wanted)
        self.found += length
        if not length:
            return 0, []
        self._layers.move_to_end(best)
        return length, self._layers[best]

    def keep(self, beginning: Sequence[int], layers: Layers) -> None:
        """Hold a beginning, whose layers are copied."""
        key, size = tuple(beginning), _size(layers)
        if not key or key in self._layers or size > self.room:
            return
        self._shrink(self.room - size)
        self._layers[key] = [(keys.clone(), values.clone()) for keys, values in layers]
        insort(self._sorted, key)
        self.held += size

    def halve(self) -> None:
        """Hold half as much from now on."""
        self.room //= 2
        self._shrink(self.room)

    def _shrink(self, room: int) -> None:
        while self.held > room:
            old, dropped = self._layers.popitem(last=False)
            del self._sorted[bisect(self._sorted, old) - 1]
            self.held -= _size(dropped)


def _size(layers: Layers) -> int:
    return sum(x.nbytes for layer in layers for x in layer)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two texts begin with alike."""
    length = min(len(one), len(other))
    return next((t for t in range(length) if one[t] != other[t]), length)
