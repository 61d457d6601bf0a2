"""Passages that say what another one says: the same words, or nearly the same with the same numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from jsarag.data.minhash import candidates, signatures
from jsarag.data.split import similarity, words

ALIKE = 0.9
"""Two passages are near-duplicates where so large a share (Jaccard) of their sequences of `WORDS` words is in both."""
WORDS = 3
BANDS, ROWS = 12, 4
"""Of the MinHash signatures: near-duplicates are found with a probability of at least 0.999997."""
LIKELY = ALIKE - 0.2
"""Share of its signature that a near-duplicate has in common, 4 standard deviations below the mean."""
HELD = 4096
"""Passages whose words are held in memory."""
TOGETHER = 256
"""Passages that are signed at once."""

_NUMBER = re.compile(r"\w*\d\w*")


class Twins:
    """Collects passages and then tells the duplicates among them; holds a signature of each, not its text."""

    def __init__(self, read: Callable[[int], tuple[str, str]]) -> None:
        """Take what gives title and text of the passage at a position."""
        self._pieces = lru_cache(HELD)(lambda i: _pieces(*read(i)))
        self._numbers = lru_cache(HELD)(lambda i: _numbers(*read(i)))
        self._signatures = bytearray()
        self._pending: list[set[str]] = []

    def add(self, title: str, text: str) -> None:
        """Note the next passage."""
        self._pending.append(_pieces(title, text))
        if len(self._pending) >= TOGETHER:
            self._sign()

    def find(self) -> dict[int, tuple[int, float]]:
        """The position of each duplicate, with that of the first passage like it, which stays, and their similarity."""
        self._sign()
        found: dict[int, tuple[int, float]] = {}
        rows = np.frombuffer(self._signatures, dtype=np.uint32).reshape(-1, BANDS * ROWS)
        for b, a in sorted({(b, a) for a, b in candidates(rows, ROWS, LIKELY)}):
            first = found[a][0] if a in found else a
            if b not in found and self._numbers(first) == self._numbers(b):
                alike = similarity(self._pieces(first), self._pieces(b))
                if alike >= ALIKE:
                    found[b] = first, alike
        return found

    def _sign(self) -> None:
        if self._pending:
            self._signatures.extend(signatures(self._pending, BANDS * ROWS).astype(np.uint32).tobytes())
            self._pending.clear()


def _pieces(title: str, text: str) -> set[str]:
    found = words(f"{title}\n{text}").split(" ")
    return {" ".join(found[i : i + WORDS]) for i in range(max(len(found) - WORDS + 1, 1))}


def _numbers(title: str, text: str) -> tuple[str, ...]:
    """All numbers in their order: passages that differ in one say different things."""
    return tuple(_NUMBER.findall(f"{title}\n{text}".casefold()))
