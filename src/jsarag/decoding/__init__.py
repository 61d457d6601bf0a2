"""Ways to turn retrieved passages into an answer, one file each; a new one is one line of `DECODERS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from jsarag.decoding import rag_sequence
from jsarag.decoding.top1 import top1
from jsarag.models import Generator
from jsarag.types import Answer, Retrieved


class Decoder(Protocol):
    """Questions and their passages (best first, at least one) to answers, in the order given."""

    def __call__(
        self,
        generator: Generator,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]],
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Answer every x; ``progress`` is told the size of each batch of generations."""
        ...


DECODERS: dict[str, Decoder] = {
    "top-1": top1,
    "rag-sequence-fast": rag_sequence.fast,
    "rag-sequence-thorough": rag_sequence.thorough,
}

__all__ = ["DECODERS", "Decoder"]
