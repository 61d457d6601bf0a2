"""Approximate search in a graph of neighbours (HNSW): the quickest search, the slowest to build."""

from __future__ import annotations

from typing import Any

from jsarag.index.approximate import Approximate
from jsarag.index.index import Needs, Vectors

LINKS = 32


class HNSW(Approximate):
    """FAISS's HNSW over a copy of the vectors. Made for vectors of one length, as most encoders give them."""

    name = "hnsw"
    widest = 4096

    @classmethod
    def make(cls, vectors: Vectors) -> Any:
        """Insert the vectors one by one."""
        import faiss

        index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 100
        index.add(vectors)
        return index

    @classmethod
    def widen(cls, index: Any, width: int) -> None:
        """Nodes kept while walking the graph."""
        index.hnsw.efSearch = max(width, 16)

    @classmethod
    def needs(cls, passages: int, dimensions: int) -> Needs:
        """A copy of the vectors, and twice LINKS neighbours of 4 bytes each."""
        size = passages * (4 * dimensions + 2 * LINKS * 4 + 16)
        return Needs(size, size)
