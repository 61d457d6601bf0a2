"""What the exact indexes share: they search the vectors themselves; there is nothing to build or to keep."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Self

from jsarag.index.index import Index, Vectors

if TYPE_CHECKING:
    from jsarag.index.config import IndexConfig


class Exact(Index):
    """An index that is its vectors."""

    exact = True

    @abstractmethod
    def __init__(self, vectors: Vectors) -> None:
        """Search ``vectors``."""

    @classmethod
    def build(cls, vectors: Vectors, config: IndexConfig) -> Self:
        """Nothing is computed."""
        return cls(vectors)

    def save(self, folder: Path) -> None:
        """Nothing to write."""

    @classmethod
    def load(cls, folder: Path, vectors: Vectors) -> Self:
        """Nothing to read but the vectors."""
        return cls(vectors)
