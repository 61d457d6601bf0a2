"""What an index is: vectors in; for each query the k nearest by inner product out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jsarag.index.config import IndexConfig

Vectors = NDArray[np.float32]
Positions = NDArray[np.int64]


class Needs(NamedTuple):
    """What an index takes, in bytes, the vectors' own file (4 bytes a number, mapped into memory) not counted.

    Attributes:
        memory: Resident, at its highest while building.
        disk: Files.
        device: Memory of the GPU.
        seconds: To build it from the vectors, on two CPU cores, roughly.
    """

    memory: int
    disk: int
    device: int = 0
    seconds: float = 0.0


class Index(ABC):
    """Positions are those of the vectors given to `build`."""

    name: ClassVar[str]
    """The name in `jsarag.index.INDEXES` and in configurations."""
    exact: ClassVar[bool]
    """Whether the k nearest are found without fail."""
    files: ClassVar[tuple[str, ...]] = ()
    """Names of what `save` writes."""

    facts: Mapping[str, Any]
    """What building it found out, for manifests: how wide it searches, the recall that was measured."""

    @classmethod
    @abstractmethod
    def build(cls, vectors: Vectors, config: IndexConfig) -> Self:
        """Make an index of ``vectors[passages, dimensions]``, which may lie in a file mapped into memory."""

    @classmethod
    @abstractmethod
    def needs(cls, passages: int, dimensions: int) -> Needs:
        """What an index of so many vectors will take."""

    @abstractmethod
    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """Return scores and positions ``[queries, k]``, best first; ``k`` is at most the number of vectors."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what is needed beside the vectors into the folder."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, vectors: Vectors) -> Self:
        """Read what `save` wrote; ``vectors`` are those given to `build`."""
