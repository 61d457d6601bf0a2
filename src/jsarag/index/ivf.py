"""Approximate search in cells: vectors are grouped around centroids, a query looks into the nearest groups."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from jsarag.index.approximate import Approximate
from jsarag.index.index import Needs, Vectors

SAMPLE = 64
"""Vectors a centroid is fitted to, at most; FAISS asks for 39 at least."""


def cells(passages: int) -> int:
    """How many: four times the square root of the number of passages, each with enough to be fitted to."""
    return max(min(round(4 * math.sqrt(passages)), passages // 39), 1)


def sample(vectors: Vectors) -> Vectors:
    """What the clustering sees."""
    wanted = SAMPLE * cells(len(vectors))
    if wanted >= len(vectors):
        return vectors
    chosen = np.random.default_rng(0).choice(len(vectors), wanted, replace=False)
    return np.ascontiguousarray(vectors[np.sort(chosen)])


@dataclass(frozen=True)
class IVF(Approximate):
    """Cells of a copy of the vectors, of which a search looks into the nearest.

    Attributes:
        recall: Share of the exact top 20 that must be found among vectors like those of the passages; searches are as
            wide as that takes.
    """

    name = "ivf"
    widest = 1 << 20

    def make(self, vectors: Vectors) -> Any:
        """Fit the cells to a sample, then sort all vectors into them."""
        import faiss

        index = self.empty(faiss.IndexFlatIP(vectors.shape[1]), *vectors.shape)
        index.cp.seed, index.cp.spherical = 1234, True
        index.train(self.training(vectors))
        index.add(vectors)
        return index

    def empty(self, coarse: Any, passages: int, dimensions: int) -> Any:
        """FAISS's index for so many vectors, its centroids in ``coarse``."""
        import faiss

        return faiss.IndexIVFFlat(coarse, dimensions, cells(passages), faiss.METRIC_INNER_PRODUCT)

    def training(self, vectors: Vectors) -> Vectors:
        """What it is fitted to."""
        return sample(vectors)

    def widen(self, index: Any, width: int) -> None:
        """Cells looked into."""
        index.nprobe = min(width, index.nlist)

    def needs(self, passages: int, dimensions: int) -> Needs:
        """A copy of the vectors with their positions."""
        size = passages * (4 * dimensions + 8) + 4 * dimensions * cells(passages)
        return Needs(size, size)
