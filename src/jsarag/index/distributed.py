"""One index over the processes of a job; in a single process the kind itself."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import torch

from jsarag import ranks
from jsarag.index.config import IndexConfig
from jsarag.index.index import Index, Needs, Positions, Vectors
from jsarag.index.kinds import INDEXES


def build_index(vectors: Vectors, config: IndexConfig) -> Index:
    """An index of the kind that ``config`` names over ``vectors[passages, dimensions]``."""
    return INDEXES[config.kind].build(vectors, config) if ranks.size() == 1 else Distributed.build(vectors, config)


def load_index(folder: Path, vectors: Vectors, config: IndexConfig) -> Index:
    """Read what `Index.save` wrote; ``vectors`` are those it was built of."""
    if ranks.size() > 1 and INDEXES[config.kind].exact:
        return Distributed.build(vectors, config)
    inner = INDEXES[config.kind].load(folder, vectors) if ranks.first() else None
    return inner if inner and ranks.size() == 1 else Distributed(inner)


class Distributed(Index):
    """Exact kinds: each process searches its part of the vectors, and the best are merged. Others: the first searches.

    Every process calls `search` with the same queries and gets the same answer.
    """

    name = "distributed"
    exact = True

    def __init__(self, inner: Index | None, part: slice | None = None) -> None:
        """Search ``inner``, over ``part`` of the vectors; None: nothing is searched in this process."""
        self._inner = inner
        self._part = part
        self.facts = inner.facts if inner else {}

    @classmethod
    def build(cls, vectors: Vectors, config: IndexConfig) -> Self:
        """Every process its part, or the first process all."""
        kind = INDEXES[config.kind]
        if not kind.exact:
            return cls(kind.build(vectors, config) if ranks.first() else None)
        part = ranks.part(len(vectors))
        return cls(kind.build(vectors[part], config) if part.start < part.stop else None, part)

    @classmethod
    def needs(cls, passages: int, dimensions: int) -> Needs:
        """What its kind needs; this is never chosen by itself."""
        raise NotImplementedError

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """The k best of all processes."""
        scores, positions = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
        if self._inner is not None:
            size = k if self._part is None else min(k, self._part.stop - self._part.start)
            scores, positions = self._inner.search(queries, size)
            positions = positions + (self._part.start if self._part else 0)
        everyone = ranks.gather(torch.from_numpy(scores).T.contiguous()).T
        places = ranks.gather(torch.from_numpy(positions).T.contiguous()).T
        best = everyone.sort(dim=1, descending=True, stable=True).indices[:, :k]
        return everyone.gather(1, best).numpy(), places.gather(1, best).numpy()

    def save(self, folder: Path) -> None:
        """Write what the kind keeps beside the vectors; only the first process is asked."""
        if self._inner is not None:
            self._inner.save(folder)

    @classmethod
    def load(cls, folder: Path, vectors: Vectors) -> Self:
        """Not told which kind: use `load_index`."""
        raise NotImplementedError
