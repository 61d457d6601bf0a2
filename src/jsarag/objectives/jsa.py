"""JSA: joint stochastic approximation, the objective this project exists for (arXiv 2508.18168, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import not_negative, positive_or_null, require, up_to
from jsarag.objectives import mis, mixing
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, m_step, posterior_on


@dataclass(frozen=True)
class JSA(Objective):
    """Metropolis independence sampling with q as the proposal, then maximum likelihood on the states of the chain.

    Maximises log p(y|x) over the generator and the prior retriever, and minimises the inclusive divergence
    KL( p(h|x,y) || q(h|x,y) ) over the posterior retriever; both gradients are expectations under the true posterior,
    which the chain estimates. Unlike top-K marginalisation, only the one or two passages on which the chain stood need
    a backward pass.

    Attributes:
        k: Passages taken from the prior and from the posterior for the candidate set C, their union.
        m: Transitions of the chain; each distinct proposal is scored once, so m costs little. The paper takes 50; with
            10 as much was learned in experiments/answers, from a third fewer scores.
        states: Passages an example that the generator is trained on, drawn from the chain's states (unbiased); null:
            all of them, as in the paper. The retrievers always learn from all.
        mix: Share of the proposals that come from p(h|x) instead of q(h|x,y); the chain accounts for it, its limit is
            the same. Above 0, a posterior retriever that is sure and wrong cannot keep the chain from right passages.
        burn_in: First transitions that are walked but not counted.
        cache: Continue each example's chain in the next epoch (persistent chains); without it a chain starts from
            a fresh draw of q.
        exact: No chain: weights are the posterior over C itself, the limit of m -> infinity; every candidate is
            scored.
        occupancy: Replace each accept/reject by its expectation given the proposals: less variance, more passages
            trained on.
    """

    name = "jsa"
    sources = frozenset({"prior", "posterior"})
    trains = frozenset({"prior", "posterior", "generator"})

    m: int = 10
    states: int | None = 1
    mix: float = 0.0
    burn_in: int = 0
    cache: bool = False
    exact: bool = False
    occupancy: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        up_to("objective.m", self.m)
        positive_or_null("objective.states", self.states)
        not_negative("objective.burn_in", self.burn_in)
        require(self.burn_in < self.m, "objective.burn_in", f"a number below objective.m = {self.m}", self.burn_in)
        require(0 <= self.mix <= 1, "objective.mix", "a share from 0 to 1", self.mix)
        for option in ("occupancy", "cache", "burn_in", "mix"):
            value = getattr(self, option)
            require(not (self.exact and value), f"objective.{option}", "none with objective.exact (no chain)", value)

    @property
    def keeps_state(self) -> bool:
        """True with ``cache``."""
        return self.cache

    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """All m proposals at once; with ``exact`` every candidate."""
        if self.exact:
            return Proposals(scores.valid)
        draws = mis.propose(self._log_proposal(scores), self.m, generator=rng)
        return Proposals(mis.distinct(draws, scores.log_q.shape[1], scores.start), draws)

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """Run the chain (or take the posterior on C) and count where it stands."""
        log_posterior = posterior_on(scores, proposals.scored)
        weights, state = log_posterior.exp(), None
        diagnostics = {"distinct_proposals": proposals.scored.sum(-1).to(weights.dtype)}
        if proposals.draws is not None:
            # Candidates nobody proposed keep weight 0: no chain ever looks at them.
            log_w = scores.log_p + scores.log_lik - self._log_proposal(scores)
            log_w = log_w.masked_fill(~proposals.scored, -torch.inf)
            run = mis.walk_expected if self.occupancy else mis.walk
            chain = run(proposals.draws, log_w, start=scores.start, burn_in=self.burn_in, generator=rng)
            weights, state = chain.weights, chain.last
            diagnostics |= mixing.diagnose(chain, proposals.draws, log_w, log_posterior, scores.start, rng)
        diagnostics["distinct_states"] = (weights > 0).sum(-1).to(weights.dtype)
        trained_on = weights if self.states is None else mis.subsample(weights, self.states, generator=rng)
        return Target(weights, trained_on, state if self.cache else None, diagnostics)

    def _log_proposal(self, scores: Scores) -> Tensor:
        """``[batch, candidates]`` log of (1 - mix) q + mix p."""
        if not self.mix:
            return scores.log_q
        shares = torch.tensor([1 - self.mix, self.mix], dtype=scores.log_q.dtype, device=scores.log_q.device)
        return (torch.stack([scores.log_q, scores.log_p], -1) + shares.log()).logsumexp(-1)

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``-(1/m) sum_t [ log p(h_t|x) + log p(y|x,h_t) + log q(h_t|x,y) ]``, as a sum over distinct states."""
        return m_step(scores, target, self.trains)
