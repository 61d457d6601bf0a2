"""REPLUG LSR: a black-box generator supervises the retriever (Shi et al. 2023, arXiv 2301.12652, section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import positive
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, floored_log, kl, softmax_on


@dataclass(frozen=True)
class ReplugLSR(Objective):
    """``KL( p || t )`` with t(h) proportional to exp( P(y|x,h) / beta ); the generator is never trained.

    P is the probability itself, not its logarithm: taken a token (the inverse perplexity), for that of a whole answer
    would be near 0 under every passage and the target flat.

    Attributes:
        k: Passages of the prior.
        beta: Temperature of the target (the paper: 0.1).
    """

    name = "replug-lsr"
    sources = frozenset({"prior"})
    trains = frozenset({"prior"})

    beta: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("objective.beta", self.beta)

    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """Every candidate."""
        return Proposals(scores.valid)

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """The target; nothing is scored again."""
        weights = softmax_on(scores.mean_log_lik.exp() / self.beta, scores.valid).exp()
        return Target(weights, torch.zeros_like(weights))

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``KL( p || t )``."""
        return kl(scores.log_p, floored_log(target.weights))
