"""Approximate search in cells of compressed vectors (product quantisation); the best are compared exactly after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from jsarag.index.approximate import Approximate
from jsarag.index.index import Needs, Positions, Vectors
from jsarag.index.ivf import IVF, cells, sample

MORE = 8
"""Compressed candidates that are compared exactly, by wanted passage."""


def bytes_of(dimensions: int) -> int:
    """Bytes of a compressed vector: one for four dimensions, or the nearest number that divides them."""
    return next(size for size in range(max(dimensions // 4, 1), 0, -1) if dimensions % size == 0)


class IVFPQ(Approximate):
    """FAISS's IVF-PQ. The vectors themselves stay in their file: a search reads the few that it compares."""

    name = "ivf-pq"
    widest = 1 << 20

    @classmethod
    def make(cls, vectors: Vectors, seed: int) -> Any:
        """Fit centroids and codes to a sample, then encode all vectors."""
        import faiss

        dimensions = vectors.shape[1]
        coarse = faiss.IndexFlatIP(dimensions)
        # 256 codes a byte, of which each wants 39 vectors to be fitted to; fewer for a handful of passages.
        bits = min(8, max(int(np.log2(max(len(vectors) // 39, 2))), 1))
        metric = faiss.METRIC_INNER_PRODUCT
        index = faiss.IndexIVFPQ(coarse, dimensions, cells(len(vectors)), bytes_of(dimensions), bits, metric)
        index.cp.seed, index.cp.spherical = seed + 1234, True
        training = sample(vectors, seed)
        index.train(np.tile(training, (-(-(1 << bits) // len(training)), 1)))
        index.add(vectors)
        return index

    @classmethod
    def widen(cls, index: Any, width: int) -> None:
        """Cells looked into."""
        IVF.widen(index, width)

    @classmethod
    def needs(cls, passages: int, dimensions: int) -> Needs:
        """Codes with their positions."""
        size = passages * (bytes_of(dimensions) + 8) + 4 * dimensions * cells(passages)
        return Needs(size, size)

    def met(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """The k best by exact scores among the `MORE` k that look best compressed."""
        _, near = super().met(queries, min(MORE * k, len(self._vectors)))
        scores = np.einsum("qnd,qd->qn", self._vectors[near], queries)
        scores[near < 0] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, order, 1), np.take_along_axis(near, order, 1)
