"""jsarag: joint training of a retriever and a generator by stochastic approximation (JSA-RAG, arXiv 2508.18168).

    import jsarag

    data = jsarag.DataConfig("passages.jsonl", "train.jsonl", test="test.jsonl")
    summary = jsarag.train(jsarag.TrainConfig(data, out="runs/first"))
    print(jsarag.Run.load("runs/first").ask("What does neap pay mean?"))

Names are loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsarag.api import Run, build_index, check, compare, resume, run_lab, stage, train
    from jsarag.data import HistoryConfig
    from jsarag.evaluation import EvaluationConfig
    from jsarag.index import IndexConfig
    from jsarag.lab import LabConfig
    from jsarag.models import EncoderConfig, GeneratorConfig, LoraConfig, PromptConfig
    from jsarag.objectives import (
        EMDR2,
        JSA,
        OBJECTIVES,
        RWS,
        VOD,
        VRAG,
        Concat,
        Decoupled,
        Frozen,
        Gold,
        Loop,
        Objective,
        PDist,
        RagSequence,
        RagToken,
        ReplugLSR,
        RetGen,
        StochasticRag,
    )
    from jsarag.parsing import load_config
    from jsarag.pipeline import DecodingConfig
    from jsarag.retrieval import KnowledgeBase
    from jsarag.training import DataConfig, LoopConfig, OptimConfig, TrainConfig
    from jsarag.types import Answer, Example, InputError, Passage, Retrieved, Turn

_HOMES = {
    "jsarag.api": ("Run", "build_index", "check", "compare", "resume", "run_lab", "stage", "train"),
    "jsarag.data": ("HistoryConfig",),
    "jsarag.evaluation": ("EvaluationConfig",),
    "jsarag.models": ("EncoderConfig", "GeneratorConfig", "LoraConfig", "PromptConfig"),
    "jsarag.lab": ("LabConfig",),
    "jsarag.objectives": (
        "EMDR2",
        "JSA",
        "OBJECTIVES",
        "RWS",
        "VOD",
        "VRAG",
        "Concat",
        "Decoupled",
        "Frozen",
        "Gold",
        "Loop",
        "Objective",
        "PDist",
        "RagSequence",
        "RagToken",
        "ReplugLSR",
        "RetGen",
        "StochasticRag",
    ),
    "jsarag.parsing": ("load_config",),
    "jsarag.pipeline": ("DecodingConfig",),
    "jsarag.index": ("IndexConfig",),
    "jsarag.retrieval": ("KnowledgeBase",),
    "jsarag.training": ("DataConfig", "LoopConfig", "OptimConfig", "TrainConfig"),
    "jsarag.types": ("Answer", "Example", "InputError", "Passage", "Retrieved", "Turn"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "EMDR2",
    "JSA",
    "OBJECTIVES",
    "RWS",
    "VOD",
    "VRAG",
    "Answer",
    "Concat",
    "DataConfig",
    "DecodingConfig",
    "Decoupled",
    "EncoderConfig",
    "EvaluationConfig",
    "Example",
    "Frozen",
    "GeneratorConfig",
    "Gold",
    "HistoryConfig",
    "IndexConfig",
    "InputError",
    "KnowledgeBase",
    "LabConfig",
    "Loop",
    "LoopConfig",
    "LoraConfig",
    "Objective",
    "OptimConfig",
    "PDist",
    "Passage",
    "PromptConfig",
    "RagSequence",
    "RagToken",
    "ReplugLSR",
    "RetGen",
    "Retrieved",
    "Run",
    "StochasticRag",
    "TrainConfig",
    "Turn",
    "build_index",
    "check",
    "compare",
    "load_config",
    "resume",
    "run_lab",
    "stage",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
