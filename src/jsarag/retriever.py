"""A retriever, p(h|x) or q(h|x,y): an encoder of what is asked, and the knowledge base that it looks into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag import processes
from jsarag.kb import CandidateConfig, KnowledgeBase
from jsarag.models import Encoder
from jsarag.objectives.candidates import rectangle
from jsarag.types import Retrieved

NONE = CandidateConfig()


@dataclass(frozen=True)
class Retriever:
    """One retriever; several processes share its work.

    Attributes:
        encoder: Of what is asked.
        kb: The passages, with their vectors.
        reads_y: Whether it reads y as well: q(h|x,y).
        candidates: A source that may have a say in p(h|x).
    """

    encoder: Encoder
    kb: KnowledgeBase
    reads_y: bool = False
    candidates: CandidateConfig = NONE

    def embed(self, xs: Sequence[str], ys: Sequence[str] = ()) -> Tensor:
        """``[inputs, dimensions]``, comparable with the vectors of the passages; gradient where it is enabled."""
        if not self.reads_y:
            return self.kb.comparable(processes.spread(xs, self.encoder.embed_queries))
        pairs = list(zip(xs, ys, strict=True))
        return self.kb.comparable(
            processes.spread(pairs, lambda some: self.encoder.embed_pairs(*zip(*some, strict=True)))
        )

    def relevance(self, xs: Sequence[str]) -> Iterator[Tensor] | None:
        """For each x ``[passages]``, what a source adds to the inner products; None where none has a say."""
        return None if self.reads_y else self.candidates.relevance(self.kb, xs)

    def search(
        self, e: Tensor, k: int, exclude: Sequence[Sequence[int]] = (), relevance: Iterable[Tensor] | None = None
    ) -> Tensor:
        """``[batch, k]`` positions of the best passages of each row of ``e`` that the row does not exclude, best first.

        `PADDING` stands where too few are left. The null passage, where there is one, is always found, of k above 1.
        ``relevance`` is as of `KnowledgeBase.search`.
        """
        more = max(map(len, exclude), default=0)
        _, found = self.kb.search(e, min(k + more, len(self.kb)), relevance)
        if not more:
            return found
        rows = [[i for i in row if i not in out][:k] for row, out in zip(found.tolist(), exclude, strict=True)]
        for row in rows:
            if self.kb.null is not None and k > 1 and self.kb.null not in row:
                row[-1] = self.kb.null  # always a candidate
        return rectangle(rows)

    def log_probabilities(self, e: Tensor, h: Tensor, padding: Tensor, relevance: Tensor | None = None) -> Tensor:
        """``[batch, candidates]`` log softmax of s <e(h), e(x)> over the candidates, -inf at padding.

        Args:
            e: ``[batch, dimensions]``, what `embed` gave.
            h: ``[batch, candidates, dimensions]`` vectors of the candidates.
            padding: ``[batch, candidates]`` True where there is none.
            relevance: ``[batch, candidates]`` that of the candidates, which is added to their inner products.
        """
        inner = torch.einsum("bcd,bd->bc", h, e)
        logits = self.encoder.scale * (inner if relevance is None else inner + relevance)
        return logits.masked_fill(padding, -torch.inf).log_softmax(-1)

    def retrieve(self, xs: Sequence[str], k: int) -> list[list[Retrieved]]:
        """The k best passages of each x with p(h|x) renormalised over them; no gradient."""
        with torch.inference_mode():
            return self.kb.retrieve(self.embed(xs), k, self.encoder.scale, self.relevance(xs))


def retrievers(
    prior: Encoder, posterior: Encoder | None, kb: KnowledgeBase, candidates: CandidateConfig = NONE
) -> dict[str, Retriever]:
    """The prior over a knowledge base, and the posterior where there is one, by name."""
    found = {"prior": Retriever(prior, kb, candidates=candidates)}
    if posterior is not None:
        found["posterior"] = Retriever(posterior, kb, reads_y=True)
    return found
