"""What an index is: vectors in; for each query the k nearest by inner product out. And what a kind of index is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

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


class Index(Protocol):
    """An index that was built; positions are those of the vectors it was built of."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What building it found out, for manifests: how wide it searches, the recall that was measured."""

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """Return scores and positions ``[queries, k]``, best first; ``k`` is at most the number of vectors."""

    def save(self, folder: Path) -> None:
        """Write what is needed beside the vectors into the folder."""


@dataclass(frozen=True)
class Kind(ABC):
    """A kind of index; a subclass is a frozen dataclass whose fields are its settings."""

    name: ClassVar[str]
    """The name in `jsarag.index.INDEXES`, in configurations and on the command line."""
    exact: ClassVar[bool] = False
    """Whether the k nearest are found without fail."""
    files: ClassVar[tuple[str, ...]] = ()
    """Names of what its indexes write."""

    @abstractmethod
    def build(self, vectors: Vectors) -> Index:
        """Make an index of ``vectors[passages, dimensions]``, which may lie in a file mapped into memory."""

    @abstractmethod
    def load(self, folder: Path, vectors: Vectors) -> Index:
        """Read what `Index.save` wrote; ``vectors`` are those given to `build`."""

    @abstractmethod
    def needs(self, passages: int, dimensions: int) -> Needs:
        """What an index of so many vectors will take."""
