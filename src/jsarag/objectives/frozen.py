"""Frozen: the reference whose retriever never learns; what is gained by training the generator alone."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from jsarag.objectives.objective import Objective, Scores, Target


@dataclass(frozen=True)
class Frozen(Objective):
    """``-log sum_{h in topK(p)} p(h|x) p(y|x,h)`` with p as it was before training.

    The marginal likelihood of Lewis et al. 2020 (arXiv 2005.11401, section 2.1), which only the generator climbs.

    Attributes:
        k: Passages that the generator reads for each example.
    """

    name = "frozen"
    sources = frozenset({"prior"})
    trains = frozenset({"generator"})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``-log sum_h p(h|x) p(y|x,h)`` over the candidates, p without gradient."""
        return -(scores.log_p.detach() + scores.log_lik).logsumexp(-1)
