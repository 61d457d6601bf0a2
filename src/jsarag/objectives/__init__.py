"""Training objectives, one file each; a new one is a new file and one line of `OBJECTIVES`."""

from __future__ import annotations

from jsarag.checks import require
from jsarag.objectives.concat import Concat
from jsarag.objectives.decoupled import Decoupled
from jsarag.objectives.diagnostics import diagnose
from jsarag.objectives.emdr2 import EMDR2
from jsarag.objectives.frozen import Frozen
from jsarag.objectives.gold import Gold
from jsarag.objectives.jsa import JSA
from jsarag.objectives.loop import Loop
from jsarag.objectives.objective import (
    Component,
    Estimate,
    Objective,
    Proposals,
    Reader,
    Reading,
    Scores,
    Source,
    Target,
    estimate,
)
from jsarag.objectives.pdist import PDist
from jsarag.objectives.rag_sequence import RagSequence
from jsarag.objectives.rag_token import RagToken
from jsarag.objectives.reads import Alone, LeaveOneOut, Reads, Together
from jsarag.objectives.replug_lsr import ReplugLSR
from jsarag.objectives.retgen import RetGen
from jsarag.objectives.rws import RWS
from jsarag.objectives.stochastic_rag import StochasticRag
from jsarag.objectives.vod import VOD
from jsarag.objectives.vrag import VRAG
from jsarag.registry import Registry

OBJECTIVES: Registry[type[Objective]] = Registry(
    "jsarag.objectives",
    {
        kind.name: kind
        for kind in (
            JSA,
            RagSequence,
            RagToken,
            VRAG,
            EMDR2,
            PDist,
            Loop,
            ReplugLSR,
            StochasticRag,
            RetGen,
            RWS,
            VOD,
            Frozen,
            Decoupled,
            Gold,
            Concat,
        )
    },
)


def as_objective(given: Objective | str) -> Objective:
    """An objective, or the one of that name with its usual settings.

    Raises:
        InputError: no objective, and the name of none.
    """
    if isinstance(given, str):
        return OBJECTIVES.named(given, "objective")()
    require(isinstance(given, Objective), "objective", "an objective such as objectives.JSA(k=5), or its name", given)
    return given


__all__ = [
    "EMDR2",
    "JSA",
    "OBJECTIVES",
    "RWS",
    "VOD",
    "VRAG",
    "Alone",
    "Component",
    "Concat",
    "Decoupled",
    "Estimate",
    "Frozen",
    "Gold",
    "LeaveOneOut",
    "Loop",
    "Objective",
    "PDist",
    "Proposals",
    "RagSequence",
    "RagToken",
    "Reader",
    "Reading",
    "Reads",
    "ReplugLSR",
    "RetGen",
    "Scores",
    "Source",
    "StochasticRag",
    "Target",
    "Together",
    "as_objective",
    "diagnose",
    "estimate",
]
