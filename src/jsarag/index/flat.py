"""Exact search on a CPU: FAISS's brute force over the vectors where they lie, no copy of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from jsarag.index.index import Index, Needs, Positions, Vectors

if TYPE_CHECKING:
    from jsarag.index.config import IndexConfig


class Flat(Index):
    """Every query meets every vector; exact, no training, no settings."""

    name = "flat"
    exact = True

    def __init__(self, vectors: Vectors) -> None:
        """Search ``vectors``, which may lie in a file mapped into memory."""
        self._vectors = vectors
        self.facts = {}

    @classmethod
    def build(cls, vectors: Vectors, config: IndexConfig) -> Self:
        """Nothing is computed."""
        return cls(vectors)

    @classmethod
    def needs(cls, passages: int, dimensions: int) -> Needs:
        """Nothing of its own, but searches are only quick while the vectors stay in memory."""
        return Needs(4 * passages * dimensions, 0)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """Exact top k."""
        import faiss

        # At FAISS's default block sizes a small batch of queries takes about 8 times longer.
        faiss.cvar.distance_compute_blas_threshold = 1
        faiss.cvar.distance_compute_blas_database_bs = 65_536
        scores, positions = faiss.knn(queries, self._vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, positions

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    @classmethod
    def load(cls, folder: Path, vectors: Vectors) -> Self:
        """Nothing to read."""
        return cls(vectors)
