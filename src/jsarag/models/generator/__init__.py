"""The generator p(y|x,h): what it is, and language models of transformers as generators."""

from __future__ import annotations

from jsarag.models.generator.config import GeneratorConfig, LoraConfig
from jsarag.models.generator.generator import GREEDY, Followed, Generator, Pair
from jsarag.models.generator.language_model import LanguageModel
from jsarag.models.generator.load import load_generator

__all__ = [
    "GREEDY",
    "Followed",
    "Generator",
    "GeneratorConfig",
    "LanguageModel",
    "LoraConfig",
    "Pair",
    "load_generator",
]
