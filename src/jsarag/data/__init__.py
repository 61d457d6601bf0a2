"""Reading passages and examples from files, and rendering dialogs."""

from __future__ import annotations

from jsarag.data.columns import Columns
from jsarag.data.formats import READERS
from jsarag.data.history import HistoryConfig, render
from jsarag.data.load import as_examples, as_passages, load_examples, load_passages, sound
from jsarag.data.question import Asked, as_question, last_question
from jsarag.data.reading import Problem, Reading, read_examples, read_passages
from jsarag.data.shapes.turns import ANSWERER, USER

__all__ = [
    "ANSWERER",
    "READERS",
    "USER",
    "Asked",
    "Columns",
    "HistoryConfig",
    "Problem",
    "Reading",
    "as_examples",
    "as_passages",
    "as_question",
    "last_question",
    "load_examples",
    "load_passages",
    "read_examples",
    "read_passages",
    "render",
    "sound",
]
