"""The encoders: what one is, those of sentence-transformers, and one's own."""

from __future__ import annotations

from jsarag.models.encoder.config import EncoderConfig
from jsarag.models.encoder.encoder import Encoder
from jsarag.models.encoder.load import load_encoder
from jsarag.models.encoder.module_encoder import ModuleEncoder
from jsarag.models.encoder.sentence_encoder import SentenceEncoder

__all__ = ["Encoder", "EncoderConfig", "ModuleEncoder", "SentenceEncoder", "load_encoder"]
