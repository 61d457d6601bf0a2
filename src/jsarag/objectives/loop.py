"""LOOP: leave-one-out perplexity distillation (Izacard et al. 2022, arXiv 2208.03299, section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import positive, require
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, cross, kl, softmax_on
from jsarag.objectives.reads import LeaveOneOut


@dataclass(frozen=True)
class Loop(Objective):
    """``KL( t || p )`` with t(h) proportional to 1 / p(y | x, topK without h), and the generator's own likelihood.

    A passage is worth what its absence costs. Each of the K no-gradient scores reads K - 1 passages in one prompt, so
    the step reads about K times as many tokens as that of `PDist`. The generator learns as in `EMDR2`.

    Attributes:
        k: Passages of the prior, at least 2.
        temperature_target: Of the target over passages.
    """

    name = "loop"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})
    first_reading = LeaveOneOut()

    temperature_target: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.k > 1, "objective.k", "at least 2, for one to be left out", self.k)
        positive("objective.temperature_target", self.temperature_target)

    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """Every candidate is left out once."""
        return Proposals(scores.valid)

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """The target of the distillation."""
        weights = softmax_on(-scores.log_lik / self.temperature_target, scores.valid).exp()
        return Target(weights, scores.log_p.exp())

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """Distillation for the retriever, expected log-likelihood for the generator."""
        return kl(target.weights.log(), scores.log_p) - cross(target.generator_weights, scores.log_lik)
