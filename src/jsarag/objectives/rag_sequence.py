"""RAG-Sequence: top-K marginalisation, "vanilla RAG" (Lewis et al. 2020, arXiv 2005.11401, section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from jsarag.objectives.objective import Objective, Scores, Target


@dataclass(frozen=True)
class RagSequence(Objective):
    """``-log sum_{h in topK(p)} p(h|x) p(y|x,h)``, every one of the K passages with a backward pass.

    The baseline JSA is measured against. p(h|x) is renormalised over the top K, which is where its bias comes from: a
    right passage outside of the top K earns nothing. The posterior retriever plays no part.

    Attributes:
        k: The K of the marginalisation.
    """

    name = "rag-sequence"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``-log sum_h p(h|x) p(y|x,h)`` over the candidates."""
        return -(scores.log_p + scores.log_lik).logsumexp(-1)
