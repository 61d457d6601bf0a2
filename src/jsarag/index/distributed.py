"""One index over the processes of a job; in a single process the kind itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from jsarag import processes
from jsarag.index.index import Index, Kind, Positions, Vectors


def build_index(vectors: Vectors, kind: Kind) -> Index:
    """An index of a kind over ``vectors[passages, dimensions]``: in each process its part, or all in the first."""
    if processes.size() == 1:
        return kind.build(vectors)
    if not kind.exact:
        return Distributed(kind.build(vectors) if processes.first() else None)
    part = processes.part(len(vectors))
    return Distributed(kind.build(vectors[part]) if part.start < part.stop else None, part)


def load_index(folder: Path, vectors: Vectors, kind: Kind) -> Index:
    """Read what `Index.save` wrote; ``vectors`` are those it was built of."""
    if processes.size() > 1 and kind.exact:
        return build_index(vectors, kind)
    inner = kind.load(folder, vectors) if processes.first() else None
    return inner if inner and processes.size() == 1 else Distributed(inner)


class Distributed:
    """Exact kinds: each process searches its part of the vectors, and the best are merged. Others: the first searches.

    Every process calls `search` with the same queries and gets the same answer.
    """

    def __init__(self, inner: Index | None, part: slice | None = None) -> None:
        """Search ``inner``, over ``part`` of the vectors; None: nothing is searched in this process."""
        self._inner = inner
        self._part = part
        self.facts = inner.facts if inner else {}

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """The k best of all processes."""
        scores, positions = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
        if self._inner is not None:
            size = k if self._part is None else min(k, self._part.stop - self._part.start)
            scores, positions = self._inner.search(queries, size)
            positions = positions + (self._part.start if self._part else 0)
        everyone = processes.gather(torch.from_numpy(scores).T.contiguous()).T
        places = processes.gather(torch.from_numpy(positions).T.contiguous()).T
        best = everyone.sort(dim=1, descending=True, stable=True).indices[:, :k]
        return everyone.gather(1, best).numpy(), places.gather(1, best).numpy()

    def save(self, folder: Path) -> None:
        """Write what the kind keeps beside the vectors; only the first process is asked."""
        if self._inner is not None:
            self._inner.save(folder)
