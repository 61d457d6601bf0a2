"""What the exact kinds share: they search the vectors themselves; there is nothing to build or to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsarag.index.index import Index, Kind, Vectors


class ExactIndex:
    """An index that is its vectors."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """There are none to tell."""
        return {}

    def save(self, folder: Path) -> None:
        """Nothing to write."""


@dataclass(frozen=True)
class Exact(Kind):
    """A kind whose indexes are their vectors."""

    exact = True

    def load(self, folder: Path, vectors: Vectors) -> Index:
        """Nothing to read but the vectors."""
        return self.build(vectors)
