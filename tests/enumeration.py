"""A KB of a few passages with table models, small enough to enumerate: the obvious truth for the objectives."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from jsarag.objectives import Objective, Scores


@dataclass
class Toy:
    """Free logits for p(h|x) and q(h|x,y), free log-likelihoods: ``[batch, passages]`` leaves in float64."""

    prior: Tensor
    posterior: Tensor
    generator: Tensor

    @property
    def leaves(self) -> list[Tensor]:
        return [self.prior, self.posterior, self.generator]

    def scores(self) -> Scores:
        rows, n = self.prior.shape
        return Scores(
            log_p=self.prior.log_softmax(-1),
            log_q=self.posterior.log_softmax(-1),
            log_lik=self.generator,
            gold=torch.zeros(rows, n, dtype=torch.bool),
            start=torch.full((rows,), -1),
        )

    def log_marginal(self) -> Tensor:
        """log p(y|x) by enumeration, ``[batch]``."""
        return (self.prior.log_softmax(-1) + self.generator).logsumexp(-1)

    def log_posterior(self) -> Tensor:
        """log p(h|x,y) by enumeration, ``[batch, passages]``."""
        return (self.prior.log_softmax(-1) + self.generator).log_softmax(-1)


def toy(rows: int = 3, passages: int = 7, seed: int = 0) -> Toy:
    rng = torch.Generator().manual_seed(seed)

    def leaf(spread: float, shift: float = 0.0) -> Tensor:
        values = spread * torch.randn(rows, passages, generator=rng, dtype=torch.float64) + shift
        return values.requires_grad_()

    return Toy(leaf(1.0), leaf(1.0), leaf(2.0, -5.0))


def gradients(objective: Objective, model: Toy, scores: Scores | None = None, seed: int = 0) -> list[Tensor]:
    """Gradients of the summed loss with respect to the leaves, through the three calls the training step makes."""
    scores = scores or model.scores()
    rng = torch.Generator().manual_seed(seed)
    seen = replace(
        scores, log_p=scores.log_p.detach(), log_q=scores.log_q.detach(), log_lik=torch.zeros_like(scores.log_p)
    )
    proposals = objective.propose(seen, rng)
    filled = scores.log_lik.detach().masked_fill(~proposals.scored, 0)
    target = objective.weigh(replace(seen, log_lik=filled), proposals, rng)
    log_lik = scores.log_lik.masked_fill(~target.backward, 0)
    loss = objective.loss(replace(scores, log_lik=log_lik), target).sum()
    found = torch.autograd.grad(loss, model.leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, model.leaves, strict=True)]
