"""Reading passages and examples from files, and rendering dialogs."""

from __future__ import annotations

from jsarag.data.formats import READERS
from jsarag.data.history import HistoryConfig, render
from jsarag.data.load import as_examples, as_passages, load_examples, load_passages
from jsarag.data.question import Asked, as_question

__all__ = [
    "READERS",
    "Asked",
    "HistoryConfig",
    "as_examples",
    "as_passages",
    "as_question",
    "load_examples",
    "load_passages",
    "render",
]
