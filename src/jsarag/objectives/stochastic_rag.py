"""Stochastic RAG: expected utility through straight-through Gumbel top-k (Zamani et al. 2024, arXiv 2405.02816)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import positive
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, cross


@dataclass(frozen=True)
class StochasticRag(Objective):
    """``-(1/s) sum_i U(h_i)``, s passages drawn from p(h|x) without replacement, with a straight-through gradient.

    Backward, each draw is the softmax of the perturbed scores over what was not drawn before it (the paper's
    straight-through Gumbel top-k). The utility U is the probability a token that the generator gives y, 0 to 1: the
    reference is the only output weighed, in place of the task metric of outputs decoded in the step.

    Attributes:
        k: Passages of the prior that can be drawn; the generator scores all of them.
        samples: Passages drawn an example, each with a backward pass; at most k.
        smoothness: Temperature of the softmax that stands in for a draw in the backward pass.
    """

    name = "stochastic-rag"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})

    samples: int = 2
    smoothness: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("objective.samples", self.samples)
        positive("objective.smoothness", self.smoothness)

    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """Every candidate: the backward pass of a draw weighs them all."""
        return Proposals(scores.valid)

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """Draw; ``weights`` is the derivative of the relaxed utility by log p(h|x), not a distribution."""
        noise = -torch.empty_like(scores.log_p).exponential_(generator=rng).log()
        left = scores.log_p + noise
        utility = scores.mean_log_lik.exp().masked_fill(~scores.valid, 0)
        drawn, slope = torch.zeros_like(utility), torch.zeros_like(utility)
        for _ in range(min(self.samples, left.shape[1])):
            some = (left > -torch.inf).any(-1, keepdim=True)
            soft = (left / self.smoothness).softmax(-1).masked_fill(~some, 0)
            slope += soft * (utility - (soft * utility).sum(-1, keepdim=True)) / self.smoothness
            chosen = left.argmax(-1, keepdim=True)
            drawn.scatter_add_(1, chosen, some.to(drawn.dtype))
            left = left.scatter(1, chosen, -torch.inf)
        number = drawn.sum(-1, keepdim=True)
        return Target(slope / number, drawn / number)

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """Minus the utility of what was drawn; the term that is 0 in value carries the retriever's gradient."""
        utility = scores.mean_log_lik.masked_fill(~target.backward, 0).exp()
        retriever = cross(target.weights, scores.log_p - scores.log_p.detach())
        return -(target.generator_weights * utility).sum(-1) - retriever
