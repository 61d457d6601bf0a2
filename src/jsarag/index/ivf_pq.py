"""Approximate search in cells of compressed vectors (product quantisation); exact comparison of the best follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jsarag.index.approximate import FaissIndex
from jsarag.index.index import Needs, Positions, Vectors
from jsarag.index.ivf import IVF, cells, sample

MORE = 8
"""Compressed candidates that are compared exactly, by wanted passage."""


def bytes_of(dimensions: int) -> int:
    """Bytes of a compressed vector: one for four dimensions, or the nearest number that divides them."""
    return next(size for size in range(max(dimensions // 4, 1), 0, -1) if dimensions % size == 0)


def bits_of(passages: int) -> int:
    """Bits of a code: 8, of whose 256 values each wants 39 vectors to be fitted to; fewer for a handful of passages."""
    return min(8, max(int(np.log2(max(passages // 39, 2))), 1))


class Compressed(FaissIndex):
    """An index of compressed vectors beside the vectors themselves."""

    def met(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """The k best by exact scores among the `MORE` k that look best compressed."""
        _, near = super().met(queries, min(MORE * k, len(self._vectors)))
        scores = np.einsum("qnd,qd->qn", self._vectors[near], queries)
        scores[near < 0] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, order, 1), np.take_along_axis(near, order, 1)


@dataclass(frozen=True)
class IVFPQ(IVF):
    """Cells of compressed vectors: the least memory. Of the vectors a search reads the few it compares.

    Attributes:
        recall: Share of the exact top 20 that must be found among vectors like those of the passages; searches are as
            wide as that takes.
    """

    name = "ivf-pq"
    index = Compressed

    def empty(self, coarse: Any, passages: int, dimensions: int) -> Any:
        """Codes of `bytes_of` bytes."""
        import faiss

        size, bits, metric = bytes_of(dimensions), bits_of(passages), faiss.METRIC_INNER_PRODUCT
        return faiss.IndexIVFPQ(coarse, dimensions, cells(passages), size, bits, metric)

    def training(self, vectors: Vectors) -> Vectors:
        """At least one vector a code: a handful is repeated."""
        found = sample(vectors)
        return np.tile(found, (-(-(1 << bits_of(len(vectors))) // len(found)), 1))

    def needs(self, passages: int, dimensions: int) -> Needs:
        """Codes with their positions."""
        size = passages * (bytes_of(dimensions) + 8) + 4 * dimensions * cells(passages)
        return Needs(size, size)
