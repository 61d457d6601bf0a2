"""EMDR2: the retriever follows the marginal under fixed generator scores (Sachan et al. 2021, arXiv 2106.05346)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from jsarag.objectives.objective import Objective, Scores, Target, cross


@dataclass(frozen=True)
class EMDR2(Objective):
    """``-log sum_{h in topK(p)} p(h|x) SG[ p(y|x,h) ] - sum_h SG[ p(h|x) ] log p(y|x,h)``.

    The paper's objective, retriever term and reader term, with SG no gradient. There the reader sees all K passages at
    once; here, one passage at a time, its own likelihood is averaged over the passages as the prior would hand them to
    it. The retriever's gradient is that of `RagSequence`; the generator's is weighted by the prior, not the posterior.

    Attributes:
        k: Passages of the prior.
    """

    name = "emdr2"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """Marginal for the retriever, expected log-likelihood for the generator."""
        retriever = (scores.log_p + scores.log_lik.detach()).logsumexp(-1)
        return -retriever - cross(target.weights, scores.log_lik)
