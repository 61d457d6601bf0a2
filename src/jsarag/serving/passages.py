"""The passages of the knowledge base, to be looked through."""

from __future__ import annotations

from typing import Any

from jsarag.kb import KnowledgeBase
from jsarag.types import Passage


def listed(kb: KnowledgeBase, search: str, offset: int, limit: int) -> dict[str, Any]:
    """How many passages hold all words of a search, and some of them, in the order of the knowledge base."""
    words = search.casefold().split()
    found = [passage for passage in kb.passages if not passage.null and _holds(passage, words)]
    return {"total": len(found), "passages": [passage.record() for passage in found[offset : offset + limit]]}


def one(kb: KnowledgeBase, id: str) -> dict[str, Any] | None:
    """The passage of an id; None where there is none."""
    place = kb.position.get(id)
    return None if place is None or kb.passages[place].null else kb.passages[place].record()


def _holds(passage: Passage, words: list[str]) -> bool:
    if not words:
        return True
    text = f"{passage.id} {passage.title} {passage.text}".casefold()
    return all(word in text for word in words)
