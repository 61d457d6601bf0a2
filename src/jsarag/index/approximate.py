"""What FAISS's approximate indexes share: searched as widely as a wanted recall takes, kept in FAISS's own format."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from jsarag.checks import require
from jsarag.index.flat import FlatIndex
from jsarag.index.index import Kind, Positions, Vectors

FILE = "index.faiss"
PROBES = 256
"""Queries on which recall is measured."""
K = 20


class FaissIndex:
    """A FAISS index over vectors."""

    def __init__(self, index: Any, vectors: Vectors) -> None:
        self._index, self._vectors = index, vectors
        self.facts: Mapping[str, Any] = {}

    def met(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """Scores and positions of the k best that a search of the tuned width meets, -1 where it meets fewer."""
        scores, positions = self._index.search(queries, k)
        return scores, positions

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """What `met` gives; queries for which it met fewer than k are compared with every vector."""
        scores, positions = self.met(queries, k)
        short = np.flatnonzero((positions < 0).any(axis=1))
        if len(short):
            scores[short], positions[short] = FlatIndex(self._vectors).search(queries[short], k)
        return scores, positions

    def save(self, folder: Path) -> None:
        """Write FAISS's own format."""
        import faiss

        faiss.write_index(self._index, str(folder / FILE))


@dataclass(frozen=True)
class Approximate(Kind):
    """A kind of FAISS index with one number that says how wide a search goes.

    Attributes:
        recall: Share of the exact top 20 that must be found among vectors like those of the passages; searches are as
            wide as that takes.
    """

    files = (FILE,)
    widest: ClassVar[int]
    """Where widening the search ends."""
    index: ClassVar[type[FaissIndex]] = FaissIndex
    """What searches."""

    recall: float = 0.95

    def __post_init__(self) -> None:
        require(0 < self.recall <= 1, "index.recall", "a share above 0 and up to 1", self.recall)

    @abstractmethod
    def make(self, vectors: Vectors) -> Any:
        """A FAISS index of ``vectors``, trained and filled."""

    @abstractmethod
    def widen(self, index: Any, width: int) -> None:
        """Let searches look at ``width`` cells or nodes."""

    def build(self, vectors: Vectors) -> FaissIndex:
        """Make the index, then double the width of its searches until they find enough."""
        made = self.make(vectors)
        found = self.index(made, vectors)
        queries = probes(vectors)
        truth = FlatIndex(vectors).search(queries, min(K, len(vectors)))[1]
        width = 1
        while True:
            self.widen(made, width)
            recall = _recall(found.met(queries, truth.shape[1])[1], truth)
            if recall >= self.recall or width >= min(self.widest, len(vectors)):
                break
            width *= 2
        found.facts = {"width": width, "recall@20": round(recall, 4), "wanted": self.recall}
        return found

    def load(self, folder: Path, vectors: Vectors) -> FaissIndex:
        """Map FAISS's own format into memory; the width is part of it."""
        import faiss

        return self.index(faiss.read_index(str(folder / FILE), faiss.IO_FLAG_MMAP_IFC), vectors)


def probes(vectors: Vectors) -> Vectors:
    """Queries as hard as questions: each between three passages, for a question is near none; the same every time.

    Passages with noise would be too easy: of a million vectors, a search that found 98 % for them found 83 % of what is
    nearest to embedded questions; for these it finds 74 %.
    """
    rng = np.random.default_rng(0)
    some = min(PROBES, len(vectors))
    made = np.sum([vectors[rng.choice(len(vectors), some, replace=False)] for _ in range(3)], axis=0)
    return np.ascontiguousarray(made, dtype=np.float32)


def _recall(found: Positions, truth: Positions) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, truth, strict=True)]))
