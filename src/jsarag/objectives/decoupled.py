"""Decoupled: retriever and generator trained side by side but apart (RA-DIT, Lin et al. 2023, arXiv 2310.01352)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import positive
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, cross, floored_log, kl, softmax_on
from jsarag.objectives.reads import Alone


@dataclass(frozen=True)
class Decoupled(Objective):
    """``KL( p || t )`` for the retriever and ``-mean_h log p(y|x,h)`` for the generator; neither sees the other learn.

    The retriever is supervised by the untrained generator, t(h) proportional to exp( P(y|x,h) / beta ) with P as in
    `ReplugLSR` (the paper's section 2.4); the generator reads, one at a time, the top k of the untrained retriever
    (section 2.3). A reference: what joint training is worth beyond training both.

    Attributes:
        k: Passages of the present prior for the retriever, and of the untrained prior for the generator.
        beta: Temperature of the target (the paper: 0.01).
    """

    name = "decoupled"
    sources = frozenset({"prior", "untrained"})
    trains = frozenset({"prior", "generator"})
    first_reading = Alone(untrained=True)

    beta: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("objective.beta", self.beta)

    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """The prior's top k, for the untrained generator."""
        return Proposals(scores.found["prior"])

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """The retriever's target; equal shares on the untrained prior's top k for the generator."""
        weights = softmax_on(scores.mean_log_lik.exp() / self.beta, proposals.scored).exp()
        read = scores.found["untrained"].to(weights.dtype)
        return Target(weights, read / read.sum(-1, keepdim=True))

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """The sum of two losses that share no model."""
        log_p = softmax_on(scores.log_p, scores.found["prior"])
        return kl(log_p, floored_log(target.weights)) - cross(target.generator_weights, scores.log_lik)
