"""Reading passages and examples from files, and rendering dialogs."""

from __future__ import annotations

from jsarag.data.formats import READERS
from jsarag.data.history import HistoryConfig, render
from jsarag.data.load import as_examples, as_passages, load_examples, load_passages

__all__ = ["READERS", "HistoryConfig", "as_examples", "as_passages", "load_examples", "load_passages", "render"]
