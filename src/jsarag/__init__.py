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
    from jsarag.api import Run, build_index, resume, train
    from jsarag.data import HistoryConfig
    from jsarag.evaluation import EvaluationConfig
    from jsarag.models import EncoderConfig, GeneratorConfig, LoraConfig, PromptConfig
    from jsarag.objectives import JSA, OBJECTIVES, Gold, RagSequence
    from jsarag.parsing import load_config
    from jsarag.pipeline import DecodingConfig
    from jsarag.retrieval import IndexConfig, KnowledgeBase
    from jsarag.training import DataConfig, LoopConfig, OptimConfig, TrainConfig
    from jsarag.types import Answer, Example, InputError, Passage, Retrieved, Turn

_HOMES = {
    "jsarag.api": ("Run", "build_index", "resume", "train"),
    "jsarag.data": ("HistoryConfig",),
    "jsarag.evaluation": ("EvaluationConfig",),
    "jsarag.models": ("EncoderConfig", "GeneratorConfig", "LoraConfig", "PromptConfig"),
    "jsarag.objectives": ("JSA", "OBJECTIVES", "Gold", "RagSequence"),
    "jsarag.parsing": ("load_config",),
    "jsarag.pipeline": ("DecodingConfig",),
    "jsarag.retrieval": ("IndexConfig", "KnowledgeBase"),
    "jsarag.training": ("DataConfig", "LoopConfig", "OptimConfig", "TrainConfig"),
    "jsarag.types": ("Answer", "Example", "InputError", "Passage", "Retrieved", "Turn"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "JSA",
    "OBJECTIVES",
    "Answer",
    "DataConfig",
    "DecodingConfig",
    "EncoderConfig",
    "EvaluationConfig",
    "Example",
    "GeneratorConfig",
    "Gold",
    "HistoryConfig",
    "IndexConfig",
    "InputError",
    "KnowledgeBase",
    "LoopConfig",
    "LoraConfig",
    "OptimConfig",
    "Passage",
    "PromptConfig",
    "RagSequence",
    "Retrieved",
    "Run",
    "TrainConfig",
    "Turn",
    "build_index",
    "load_config",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
