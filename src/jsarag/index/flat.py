"""Exact search on a CPU: FAISS's brute force over the vectors where they lie, no copy of them."""

from __future__ import annotations

from dataclasses import dataclass

from jsarag.index.exact import Exact, ExactIndex
from jsarag.index.index import Needs, Positions, Vectors


@dataclass(frozen=True)
class Flat(Exact):
    """Every query meets every vector; exact, no training, no settings; vectors stay on disk, mapped into memory."""

    name = "flat"

    def build(self, vectors: Vectors) -> FlatIndex:
        """Nothing is computed."""
        return FlatIndex(vectors)

    def needs(self, passages: int, dimensions: int) -> Needs:
        """Nothing of its own, but searches are only quick while the vectors stay in memory."""
        return Needs(4 * passages * dimensions, 0)


class FlatIndex(ExactIndex):
    """FAISS's brute force."""

    def __init__(self, vectors: Vectors) -> None:
        """Search ``vectors``, which may lie in a file mapped into memory."""
        self._vectors = vectors

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """Exact top k."""
        import faiss

        # At FAISS's default block sizes a small batch of queries takes about 8 times longer.
        faiss.cvar.distance_compute_blas_threshold = 1
        faiss.cvar.distance_compute_blas_database_bs = 65_536
        scores, positions = faiss.knn(queries, self._vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, positions
