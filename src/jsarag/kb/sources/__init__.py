"""Sources of candidates beside the retrievers, one file each; a new source is a new file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jsarag.kb.sources.bm25 import BM25
from jsarag.kb.sources.source import Source, best
from jsarag.registry import Registry
from jsarag.types import Passage

SOURCES: Registry[Callable[[Sequence[Passage]], Source]] = Registry("jsarag.candidates", {"bm25": BM25})
"""Sources by name: what makes one of the passages."""

__all__ = ["BM25", "SOURCES", "Source", "best"]
