"""A retriever, p(h|x) or q(h|x,y): an encoder of what is asked, and the knowledge base that it looks into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag import processes
from jsarag.kb import KnowledgeBase
from jsarag.models import Encoder
from jsarag.objectives.candidates import rectangle
from jsarag.types import Retrieved


@dataclass(frozen=True)
class Retriever:
    """One retriever; several processes share its work.

    Attributes:
        encoder: Of what is asked.
        kb: The passages, with their vectors.
        reads_y: Whether it reads y as well: q(h|x,y).
    """

    encoder: Encoder
    kb: KnowledgeBase
    reads_y: bool = False

    def embed(self, xs: Sequence[str], ys: Sequence[str] = ()) -> Tensor:
        """``[inputs, dimensions]``, comparable with the vectors of the passages; gradient where it is enabled."""
        if not self.reads_y:
            return self.kb.comparable(processes.spread(xs, self.encoder.embed_queries))
        pairs = list(zip(xs, ys, strict=True))
        return self.kb.comparable(
            processes.spread(pairs, lambda some: self.encoder.embed_pairs(*zip(*some, strict=True)))
        )

    def search(self, e: Tensor, k: int, exclude: Sequence[Sequence[int]] = ()) -> Tensor:
        """``[batch, k]`` positions of the best passages of each row of ``e`` that the row does not exclude, best first.

        `PADDING` stands where too few are left. The null passage, where there is one, is always found, of k above 1.
        """
        more = max(map(len, exclude), default=0)
        _, found = self.kb.search(e, min(k + more, len(self.kb)))
        if not more:
            return found
        rows = [[i for i in row if i not in out][:k] for row, out in zip(found.tolist(), exclude, strict=True)]
        for row in rows:
            if self.kb.null is not None and k > 1 and self.kb.null not in row:
                row[-1] = self.kb.null  # always a candidate
        return rectangle(rows)

    def log_probabilities(self, e: Tensor, h: Tensor, padding: Tensor) -> Tensor:
        """``[batch, candidates]`` log softmax of s <e(h), e(x)> over the candidates, -inf at padding.

        Args:
            e: ``[batch, dimensions]``, what `embed` gave.
            h: ``[batch, candidates, dimensions]`` vectors of the candidates.
            padding: ``[batch, candidates]`` True where there is none.
        """
        logits = self.encoder.scale * torch.einsum("bcd,bd->bc", h, e)
        return logits.masked_fill(padding, -torch.inf).log_softmax(-1)

    def retrieve(self, xs: Sequence[str], k: int) -> list[list[Retrieved]]:
        """The k best passages of each x with p(h|x) renormalised over them; no gradient."""
        with torch.inference_mode():
            return self.kb.retrieve(self.embed(xs), k, self.encoder.scale)


def retrievers(prior: Encoder, posterior: Encoder | None, kb: KnowledgeBase) -> dict[str, Retriever]:
    """The prior over a knowledge base, and the posterior where there is one, by name."""
    found = {"prior": Retriever(prior, kb)}
    if posterior is not None:
        found["posterior"] = Retriever(posterior, kb, reads_y=True)
    return found
