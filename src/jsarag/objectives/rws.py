"""RWS: reweighted wake-sleep (Bornschein and Bengio 2015, arXiv 1406.2751; Le et al. 2019, arXiv 1805.10469)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import positive_or_null, up_to
from jsarag.objectives import mis
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, m_step


@dataclass(frozen=True)
class RWS(Objective):
    """Self-normalised importance sampling in the place of the chain; all else as in `JSA`.

    m passages drawn from q(h|x,y) are weighted by w(h) = p(h|x) p(y|x,h) / q(h|x,y), divided by their sum; the
    prior, the generator and (the "wake phase" of the proposal) the posterior retriever learn from them. The natural
    competitor of MIS: same three models, same scores, same cost. Its bias at finite m falls as 1/m.

    Attributes:
        k: Passages taken from the prior and from the posterior for the candidate set C, their union.
        m: Passages drawn; each distinct one is scored once.
        states: Passages an example that the generator is trained on, drawn from the weights (unbiased); null: all.
    """

    name = "rws"
    sources = frozenset({"prior", "posterior"})
    trains = frozenset({"prior", "posterior", "generator"})

    m: int = 50
    states: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        up_to("objective.m", self.m)
        positive_or_null("objective.states", self.states)

    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """m draws from q."""
        draws = torch.multinomial(scores.log_q.exp(), self.m, replacement=True, generator=rng)
        return Proposals(mis.distinct(draws, scores.log_q.shape[1]), draws)

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """Normalise the importance weights of the draws."""
        weights = importance_weights(scores, proposals, 1.0)
        trained_on = weights if self.states is None else mis.subsample(weights, self.states, generator=rng)
        proposed = proposals.scored.sum(-1).to(weights.dtype)
        return Target(weights, trained_on, diagnostics={"distinct_proposals": proposed})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``-sum_s w_s [ log p(h_s|x) + log p(y|x,h_s) + log q(h_s|x,y) ]``."""
        return m_step(scores, target, self.trains)


def importance_weights(scores: Scores, proposals: Proposals, power: float) -> Tensor:
    """``[batch, candidates]`` w(h)^power of the draws from q, repeats counted, divided by their sum over the draws."""
    if proposals.draws is None:
        raise ValueError("expected proposals with draws")
    ones = torch.ones_like(proposals.draws, dtype=scores.log_p.dtype)
    count = torch.zeros_like(scores.log_p).scatter_add_(1, proposals.draws, ones)
    log_w = (scores.log_p + scores.log_lik - scores.log_q).masked_fill(~proposals.scored, -torch.inf)
    return (count.log() + power * log_w).masked_fill(~proposals.scored, -torch.inf).softmax(-1)
