"""PDist: perplexity distillation of the generator into the retriever (Izacard et al. 2022, arXiv 2208.03299)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from jsarag.checks import positive
from jsarag.objectives.objective import Objective, Scores, Target, cross, kl, softmax_on


@dataclass(frozen=True)
class PDist(Objective):
    """``KL( t || p )`` with t(h) proportional to p(y|x,h)^(1/temperature), and the generator's own likelihood.

    Section 2.2 of the paper: what the passages would be worth under a uniform prior; no gradient flows through t. The
    generator learns as in `EMDR2`.

    Attributes:
        k: Passages of the prior.
        temperature_target: Of the target over passages.
    """

    name = "pdist"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})

    temperature_target: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive("objective.temperature_target", self.temperature_target)

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """Distillation for the retriever, expected log-likelihood for the generator."""
        log_t = softmax_on(scores.log_lik.detach() / self.temperature_target, scores.valid)
        return kl(log_t, scores.log_p) - cross(target.weights, scores.log_lik)
