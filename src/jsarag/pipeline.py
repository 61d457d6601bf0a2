"""Question in, answer with its evidence out: the prior retriever, the knowledge base, the generator and a decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from jsarag import ranks
from jsarag.config import one_of, positive
from jsarag.decoding import DECODERS
from jsarag.models import Encoder, Generator
from jsarag.retrieval import KnowledgeBase
from jsarag.types import Answer, Retrieved


@dataclass(frozen=True)
class DecodingConfig:
    """How questions are answered.

    Attributes:
        mode: top-1 (fastest), rag-sequence-fast, or rag-sequence-thorough (a candidate a passage, rescored under all).
        passages: Passages given to the decoder.
    """

    mode: str = "top-1"
    passages: int = 5

    def __post_init__(self) -> None:
        one_of("decoding.mode", self.mode, DECODERS)
        positive("decoding.passages", self.passages)


@dataclass(frozen=True)
class Pipeline:
    """Everything inference needs. ``x`` is the rendered input: a question, or a dialog context."""

    prior: Encoder
    kb: KnowledgeBase
    generator: Generator
    decoding: DecodingConfig

    def retrieve(self, xs: Sequence[str], k: int | None = None) -> list[list[Retrieved]]:
        """The prior's k passages (default: those the decoder is given) for each x, best first."""
        with torch.inference_mode():
            queries = ranks.spread(xs, self.prior.embed_queries)
            return self.kb.retrieve(queries, k or self.decoding.passages, self.prior.scale)

    def answer(
        self,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Answer each x from its passages, retrieved here where they are not given."""
        hs = self.retrieve(xs) if retrieved is None else [row[: self.decoding.passages] for row in retrieved]
        decode = DECODERS[self.decoding.mode]

        def answers(some: Sequence[tuple[str, Sequence[Retrieved]]]) -> list[Answer]:
            return decode(self.generator, [x for x, _ in some], [h for _, h in some], ranks.times(progress))

        return ranks.spread_list(list(zip(xs, hs, strict=True)), answers)

    def answer_without_passages(self, xs: Sequence[str], progress: Callable[[int], None] | None = None) -> list[str]:
        """Closed-book answers: what the generator says from memory."""

        def texts(some: Sequence[str]) -> list[str]:
            return [g.text for g in self.generator.generate([(x, ()) for x in some], progress=ranks.times(progress))]

        return ranks.spread_list(xs, texts)
