"""A run inside other libraries: one file a library, each with the extra of that name.

`langchain` and `llama_index` have a retriever and a chat model, `haystack` has a retriever.
"""

from __future__ import annotations

from jsarag.api import Run
from jsarag.types import InputError


def as_run(value: object) -> Run:
    """The value, where it is a run; libraries that check their fields by pydantic ask here."""
    if not isinstance(value, Run):
        raise InputError(f"run: expected what jsarag.Run.load gives, got {value!r}")
    return value
