"""Candidates beside those of the retrievers: which source finds them, how many, and by which text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from jsarag.checks import not_negative, one_of, require
from jsarag.kb.knowledge_base import KnowledgeBase
from jsarag.kb.sources import SOURCES, best
from jsarag.objectives.candidates import rectangle

Reads = Literal["x", "y", "xy"]
_READS: dict[str, Callable[[str, str], str]] = {
    "x": lambda x, y: x,
    "y": lambda x, y: y,
    "xy": lambda x, y: f"{x} {y}",
}


@dataclass(frozen=True)
class CandidateConfig:
    """A source of passages beside the retrievers; by default there is none.

    Attributes:
        source: What finds them by the text alone: bm25 (shared words); null: nothing, the retrievers find all.
        k: Passages that the source adds to the candidates of each pair in training; 0: none; null: as many as a
            retriever (objective.k).
        reads: What the source reads in training to add passages: the input x, the answer y, or xy, both.
        weight: What a point of the source's score counts beside the inner product in p(h|x), in training and in
            answers; 0: nothing.
    """

    source: str | None = None
    k: int | None = None
    reads: Reads = "y"
    weight: float = 0.0

    def __post_init__(self) -> None:
        if self.source is not None:
            SOURCES.named(self.source, "candidates.source")
        not_negative("candidates.k", self.k or 0)
        not_negative("candidates.weight", self.weight)
        one_of("candidates.reads", self.reads, _READS)
        for name, value, usual in (("k", self.k, None), ("reads", self.reads, "y"), ("weight", self.weight, 0.0)):
            alone = "null" if usual is None else usual
            require(
                self.source is not None or value == usual,
                f"candidates.{name}",
                f"{alone} where candidates.source is null",
                value,
            )

    def propose(
        self, kb: KnowledgeBase, xs: Sequence[str], ys: Sequence[str], k: int, exclude: Sequence[Sequence[int]]
    ) -> tuple[Tensor, ...]:
        """``[batch, any]`` positions of the passages that the source adds, best first; nothing without a source.

        A passage that shares no word with what is read is not found, so that a row may hold fewer than k.

        Args:
            kb: The passages.
            xs: The inputs.
            ys: The outputs.
            k: How many a retriever finds.
            exclude: Positions of the passages that a pair excludes.
        """
        wanted = k if self.k is None else self.k
        if self.source is None or not wanted:
            return ()
        source = kb.source(self.source)
        texts = [_READS[self.reads](x, y) for x, y in zip(xs, ys, strict=True)]
        rows = [best(source.scores(text), wanted, out) for text, out in zip(texts, exclude, strict=True)]
        return (rectangle(rows),)

    def relevance(self, kb: KnowledgeBase, xs: Sequence[str]) -> Iterator[Tensor] | None:
        """For each input ``[passages]``, what the source adds to the inner products; None where it adds nothing."""
        if self.source is None or not self.weight:
            return None
        source = kb.source(self.source)
        return (self.weight * torch.from_numpy(source.scores(x)) for x in xs)
