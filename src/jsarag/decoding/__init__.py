"""Ways to turn retrieved passages into an answer, one file each; a new one is one line of `DECODERS`."""

from __future__ import annotations

from jsarag.decoding.concat import Concat
from jsarag.decoding.decoder import Decoder, Direct
from jsarag.decoding.rag_sequence import Fast, Thorough
from jsarag.decoding.rag_token import RagToken
from jsarag.decoding.stream import Stream
from jsarag.decoding.top1 import Top1
from jsarag.registry import Registry

DECODERS: Registry[Decoder] = Registry(
    "jsarag.decoders",
    {
        "top-1": Top1(),
        "rag-sequence-fast": Fast(),
        "rag-sequence-thorough": Thorough(),
        "rag-token": RagToken(),
        "concat": Concat(),
    },
)

__all__ = ["DECODERS", "Decoder", "Direct", "Stream"]
