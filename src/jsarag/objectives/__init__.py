"""Training objectives, one file each; a new one is a new file and one line of `OBJECTIVES`."""

from __future__ import annotations

from jsarag.objectives.gold import Gold
from jsarag.objectives.jsa import JSA
from jsarag.objectives.objective import Component, Objective, Proposals, Scores, Source, Target
from jsarag.objectives.rag_sequence import RagSequence

OBJECTIVES: dict[str, type[Objective]] = {
    JSA.name: JSA,
    RagSequence.name: RagSequence,
    Gold.name: Gold,
}

__all__ = [
    "JSA",
    "OBJECTIVES",
    "Component",
    "Gold",
    "Objective",
    "Proposals",
    "RagSequence",
    "Scores",
    "Source",
    "Target",
]
