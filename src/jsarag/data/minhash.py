"""MinHash signatures of sets of texts, and by them the sets that may be alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

WINDOW = 50
"""Sets of one band that each is compared with: bounds the work where thousands are alike."""


def signatures(sets: Iterable[Iterable[str]], size: int) -> np.ndarray:
    """``[sets, size]`` of uint32; two sets share about so large a part of theirs as their Jaccard similarity."""
    from datasketch import MinHash

    encoded = ([piece.encode() for piece in one] for one in sets)
    return np.array([one.hashvalues for one in MinHash.generator(encoded, num_perm=size, scheme="affine32")])


def candidates(signatures: np.ndarray, rows: int, likely: float) -> Iterator[tuple[int, int]]:
    """Positions of sets that may be alike, the earlier first: equal in a band of so many rows.

    Args:
        signatures: ``[sets, size]``.
        rows: Of a band.
        likely: Share of the whole signature that both must have in common.
    """
    for band in range(0, signatures.shape[1], rows):
        buckets = defaultdict(list)
        for i, values in enumerate(signatures[:, band : band + rows]):
            buckets[values.tobytes()].append(i)
        for found in buckets.values():
            for n, i in enumerate(found[1:], start=1):
                others = np.array(found[max(n - WINDOW, 0) : n])
                shared = (signatures[others] == signatures[i]).mean(1)
                yield from ((int(j), i) for j in others[shared >= likely])
