"""VRAG: the evidence lower bound with a posterior retriever (Mishra et al. 2021, arXiv 2112.00653: the ELBO)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from jsarag.checks import not_negative, one_of
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, cross, kl, softmax_on

Preset = Literal["paper", "released"]


@dataclass(frozen=True)
class VRAG(Objective):
    """``-E_q[ log p(y|x,h) ] + beta KL(q || p)``, exact sums over C, every candidate with a backward pass.

    Same three models as JSA, but the posterior retriever minimises the exclusive KL(q || p(h|x,y)), and its
    gradient grows with log p(y|x,h), which is tens of nats; that of JSA is bounded, being a difference of
    probabilities.

    Attributes:
        k: Passages taken from the prior and from the posterior for the candidate set C, their union.
        beta: Weight of the KL term.
        preset: ``paper``: the bound as published. ``released``: as in the published code: the expectation over
            the posterior's top k alone, renormalised there; the KL divided by the number of candidates; the mean
            instead of the sum over tokens; the generator's logits divided by 5.
    """

    name = "vrag"
    sources = frozenset({"prior", "posterior"})
    trains = frozenset({"prior", "posterior", "generator"})

    beta: float = 1.0
    preset: Preset = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        not_negative("objective.beta", self.beta)
        one_of("objective.preset", self.preset, get_args(Preset))

    @property
    def temperature(self) -> float:
        """5 in the released code."""
        return 5.0 if self.preset == "released" else 1.0

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """The expectation's support takes part with gradient: C, or the posterior's top k."""
        support = scores.valid if self.preset == "paper" else scores.found["posterior"]
        share = support.to(scores.log_p.dtype) / support.sum(-1, keepdim=True)
        return Target(scores.log_q.exp(), share)

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """Minus the bound: q is differentiated too."""
        if self.preset == "paper":
            q, log_lik, divisor = scores.log_q.exp(), scores.log_lik, torch.ones_like(scores.answer_tokens)
        else:
            q, log_lik = softmax_on(scores.log_q, target.backward).exp(), scores.mean_log_lik
            divisor = scores.valid.sum(-1)
        return -cross(q, log_lik) + self.beta * kl(scores.log_q, scores.log_p) / divisor
