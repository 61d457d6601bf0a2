"""The three models: prior and posterior encoder, generator; their prompt, and finding them by name."""

from __future__ import annotations

from jsarag.models.encoder import Encoder, EncoderConfig, load_encoder
from jsarag.models.generator import Generated, Generator, GeneratorConfig, LoraConfig, Pair, load_generator
from jsarag.models.prompt import PromptConfig

__all__ = [
    "Encoder",
    "EncoderConfig",
    "Generated",
    "Generator",
    "GeneratorConfig",
    "LoraConfig",
    "Pair",
    "PromptConfig",
    "load_encoder",
    "load_generator",
]
