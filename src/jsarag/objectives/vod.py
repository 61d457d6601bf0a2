"""VOD: an importance-weighted Renyi bound with q as the proposal (Lievin et al. 2023, arXiv 2210.06345, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import positive_or_null, require, up_to
from jsarag.objectives import mis
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, cross
from jsarag.objectives.rws import importance_weights


@dataclass(frozen=True)
class VOD(Objective):
    """``-1/(1 - alpha) log E_q[ w^(1 - alpha) ]``, w = p(h|x) p(y|x,h) / q(h|x,y), by m draws from q.

    Between the importance-weighted bound (alpha = 0, where in the limit q has no gradient) and the evidence lower
    bound (alpha -> 1). With v(h) the share of w^(1 - alpha) among the draws, the gradient is that of the v-weighted
    sum of log p(h|x) + log p(y|x,h) for prior and generator, and alpha/(1 - alpha) times that of log q(h|x,y) for the
    posterior retriever (the score-function gradient of the bound; Li and Turner 2016, arXiv 1602.02311). The paper
    keeps q fixed between rounds and draws without replacement; here q learns, as it does in the other objectives.

    Attributes:
        k: Passages taken from the prior and from the posterior for the candidate set C, their union.
        m: Passages drawn; each distinct one is scored once.
        alpha: Order of the bound, above 0 and below 1.
        states: Passages an example that the generator is trained on, drawn from v (unbiased); null: all.
    """

    name = "vod"
    sources = frozenset({"prior", "posterior"})
    trains = frozenset({"prior", "posterior", "generator"})

    m: int = 50
    alpha: float = 0.5
    states: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        up_to("objective.m", self.m)
        require(0 < self.alpha < 1, "objective.alpha", "a number above 0 and below 1", self.alpha)
        positive_or_null("objective.states", self.states)

    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """m draws from q."""
        draws = torch.multinomial(scores.log_q.exp(), self.m, replacement=True, generator=rng)
        return Proposals(mis.distinct(draws, scores.log_q.shape[1]), draws)

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """Normalise the tempered importance weights of the draws."""
        weights = importance_weights(scores, proposals, 1 - self.alpha)
        trained_on = weights if self.states is None else mis.subsample(weights, self.states, generator=rng)
        proposed = proposals.scored.sum(-1).to(weights.dtype)
        return Target(weights, trained_on, diagnostics={"distinct_proposals": proposed})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """A loss whose gradient is that of minus the bound."""
        generator = (target.generator_weights * scores.log_lik).sum(-1)
        posterior = self.alpha / (1 - self.alpha) * cross(target.weights, scores.log_q)
        return -cross(target.weights, scores.log_p) - generator - posterior
