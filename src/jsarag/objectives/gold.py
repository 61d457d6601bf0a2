"""Gold: the reference that reads human passage labels, an upper bound for what label-free training can reach."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.objectives.objective import Objective, Proposals, Scores, Target, m_step


@dataclass(frozen=True)
class Gold(Objective):
    """The M-step of JSA with the labelled passages in place of the chain's.

    It is the cross-entropy of p(h|x) and q(h|x,y) on the labels; where an example has several gold passages each gets
    the same share. The candidates are those of JSA and the gold passages; none is scored without gradient.

    Attributes:
        k: Passages taken from the prior and from the posterior beside the gold ones.
    """

    name = "gold"
    sources = frozenset({"prior", "posterior", "gold"})
    trains = frozenset({"prior", "posterior", "generator"})

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """Equal shares on the gold passages."""
        weights = scores.found["gold"].to(scores.log_p.dtype)
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=1)
        return Target(weights, weights)

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``-mean over gold of [ log p(h|x) + log p(y|x,h) + log q(h|x,y) ]``."""
        return m_step(scores, target, self.trains)
