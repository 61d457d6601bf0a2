"""The three models: prior and posterior encoder, generator; their prompt, and finding them by name."""

from __future__ import annotations

from jsarag.models.decode import Generated, Mixture
from jsarag.models.encoder import Encoder, EncoderConfig, ModuleEncoder, SentenceEncoder, load_encoder
from jsarag.models.generator import (
    GREEDY,
    Followed,
    Generator,
    GeneratorConfig,
    LanguageModel,
    LoraConfig,
    Pair,
    load_generator,
)
from jsarag.models.prompt import PromptConfig
from jsarag.models.reader import Reader
from jsarag.models.search import SEARCHES, Search

__all__ = [
    "GREEDY",
    "SEARCHES",
    "Encoder",
    "EncoderConfig",
    "Followed",
    "Generated",
    "Generator",
    "GeneratorConfig",
    "LanguageModel",
    "LoraConfig",
    "Mixture",
    "ModuleEncoder",
    "Pair",
    "PromptConfig",
    "Reader",
    "Search",
    "SentenceEncoder",
    "load_encoder",
    "load_generator",
]
