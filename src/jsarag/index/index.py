"""What an index is: vectors in; for each query the k nearest by inner product out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Positions = NDArray[np.int64]


class Index(ABC):
    """Positions are those of the vectors given to `build`."""

    name: ClassVar[str]
    """The name in `jsarag.index.INDEXES` and in configurations."""

    @classmethod
    @abstractmethod
    def build(cls, vectors: Vectors) -> Self:
        """Make an index of ``vectors[passages, dimensions]``."""

    @abstractmethod
    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """Return scores and positions ``[queries, k]``, best first; ``k`` is at most the number of vectors."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the index to the file ``path``."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
