"""Published data sets, one file each; a new one is one line of `SOURCES`."""

from __future__ import annotations

from jsarag.data.sources.beir import BEIR
from jsarag.data.sources.convert import MANIFEST, PASSAGES, check, convert
from jsarag.data.sources.doqa import COOKING, MOVIES, TRAVEL
from jsarag.data.sources.dstc import DSTC9, DSTC11
from jsarag.data.sources.files import File
from jsarag.data.sources.msmarco import MSMARCO, MSMARCO_QA, MSMARCO_QA_V1
from jsarag.data.sources.nq import NQ, NQ_OPEN
from jsarag.data.sources.orquac import ORQUAC
from jsarag.data.sources.source import NO_ANSWER, SPLITS, Options, Source
from jsarag.data.sources.squad import SQUAD, SQUAD2
from jsarag.data.sources.triviaqa import TRIVIAQA, TRIVIAQA_DPR
from jsarag.registry import Registry

SOURCES: Registry[Source] = Registry(
    "jsarag.sources",
    {
        source.name: source
        for source in (
            NQ,
            NQ_OPEN,
            TRIVIAQA,
            TRIVIAQA_DPR,
            MSMARCO,
            MSMARCO_QA,
            MSMARCO_QA_V1,
            SQUAD,
            SQUAD2,
            ORQUAC,
            COOKING,
            MOVIES,
            TRAVEL,
            DSTC11,
            DSTC9,
            BEIR,
        )
    },
)

__all__ = ["MANIFEST", "NO_ANSWER", "PASSAGES", "SOURCES", "SPLITS", "File", "Options", "Source", "check", "convert"]
