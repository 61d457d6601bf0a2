"""Approximate search in a graph of neighbours (HNSW): the quickest search, the slowest to build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jsarag.index.approximate import Approximate
from jsarag.index.index import Needs, Vectors

LINKS = 32


@dataclass(frozen=True)
class HNSW(Approximate):
    """A graph of neighbours over a copy of the vectors: the quickest search, slow to build, for vectors of one length.

    Attributes:
        recall: Share of the exact top 20 that must be found among vectors like those of the passages; searches are as
            wide as that takes.
    """

    name = "hnsw"
    widest = 4096

    def make(self, vectors: Vectors) -> Any:
        """Insert the vectors one by one."""
        import faiss

        index = faiss.IndexHNSWFlat(vectors.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 100
        index.add(vectors)
        return index

    def widen(self, index: Any, width: int) -> None:
        """Nodes kept while walking the graph."""
        index.hnsw.efSearch = max(width, 16)

    def needs(self, passages: int, dimensions: int) -> Needs:
        """A copy of the vectors, and twice LINKS neighbours of 4 bytes each."""
        size = passages * (4 * dimensions + 2 * LINKS * 4 + 16)
        return Needs(size, size)
