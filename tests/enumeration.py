"""A KB of a few passages with table models, small enough to enumerate: the obvious truth for the objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from jsarag.objectives import Estimate, Objective, Reading, Scores, Source, estimate
from jsarag.objectives.reads import LeaveOneOut, Reads, Together

LENGTHS = (2, 3, 1)
"""Tokens of the answers, row after row."""


@dataclass
class Toy:
    """Free logits for p(h|x) and q(h|x,y), free token log-likelihoods; leaves in float64.

    ``prior`` and ``posterior`` are ``[batch, passages]``, ``generator`` is ``[batch, passages, tokens]``.
    """

    prior: Tensor
    posterior: Tensor
    generator: Tensor
    lengths: Tensor

    @property
    def leaves(self) -> list[Tensor]:
        return [self.prior, self.posterior, self.generator]

    @property
    def tokens(self) -> Tensor:
        """``[batch, passages, tokens]`` log p(y_t|x,h,y_<t), 0 past the end."""
        within = torch.arange(self.generator.shape[2]) < self.lengths[:, None]
        return self.generator.masked_fill(~within[:, None, :], 0)

    @property
    def log_lik(self) -> Tensor:
        return self.tokens.sum(-1)

    def scores(self) -> Scores:
        """All passages are candidates; the prior found the first four, the posterior all but the first."""
        rows, n = self.prior.shape
        every = torch.arange(n).expand(rows, n)
        found: dict[Source, Tensor] = {
            "prior": every < 4,
            "posterior": (every > 0) | (n == 1),
            "untrained": every % 2 == 0,
            "gold": every == 1,
        }
        return Scores(
            log_p=self.prior.log_softmax(-1),
            log_q=self.posterior.log_softmax(-1),
            log_lik=self.log_lik,
            token_log_lik=self.tokens,
            answer_tokens=self.lengths,
            found=found,
            start=torch.full((rows,), -1),
        )

    def log_marginal(self) -> Tensor:
        """log p(y|x) by enumeration, ``[batch]``."""
        return (self.prior.log_softmax(-1) + self.log_lik).logsumexp(-1)

    def log_posterior(self) -> Tensor:
        """log p(h|x,y) by enumeration, ``[batch, passages]``."""
        return (self.prior.log_softmax(-1) + self.log_lik).log_softmax(-1)

    def without(self) -> Tensor:
        """An invented log p(y|x, all but h), ``[batch, passages]``: as good as the best of the others."""
        n = self.prior.shape[1]
        others = self.log_lik.detach()[:, None, :].expand(-1, n, n).masked_fill(torch.eye(n, dtype=torch.bool), -99)
        return others.amax(-1)


def toy(rows: int = 3, passages: int = 7, seed: int = 0) -> Toy:
    rng = torch.Generator().manual_seed(seed)

    def leaf(*shape: int, spread: float, shift: float = 0.0) -> Tensor:
        values = spread * torch.randn(*shape, generator=rng, dtype=torch.float64) + shift
        return values.requires_grad_()

    lengths = torch.tensor([LENGTHS[row % 3] for row in range(rows)])
    return Toy(
        leaf(rows, passages, spread=1.0),
        leaf(rows, passages, spread=1.0),
        leaf(rows, passages, 3, spread=1.2, shift=-2.5),
        lengths,
    )


def through(objective: Objective, model: Toy, scores: Scores | None = None, seed: int = 0) -> Estimate:
    """An objective on a table model, as the training step runs it."""
    given = scores or model.scores()

    def read(asked: Tensor, reads: Reads) -> Reading:
        log_lik = model.without() if isinstance(reads, LeaveOneOut) else given.log_lik
        if isinstance(reads, Together):  # invented: the mean of what each says
            log_lik = (given.log_lik * asked).sum(-1, keepdim=True).div(asked.sum(-1, keepdim=True)).expand_as(asked)
        tokens = given.token_log_lik.masked_fill(~asked[..., None], 0)
        return Reading(log_lik.masked_fill(~asked, 0), tokens)

    return estimate(objective, given, read, torch.Generator().manual_seed(seed))


def gradients(objective: Objective, model: Toy, scores: Scores | None = None, seed: int = 0) -> list[Tensor]:
    """Gradients of the summed loss with respect to the leaves of a table model."""
    return slopes(through(objective, model, scores, seed).loss.sum(), model.leaves)


def slopes(loss: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """Gradients of ``loss``; zeros where it does not depend on a leaf."""
    if not loss.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


def rearranged(scores: Scores, order: Tensor, padding: int) -> Scores:
    """The same candidates in another order, with padding at the end."""

    def moved(values: Tensor, fill: float | bool) -> Tensor:
        shape = (values.shape[0], padding, *values.shape[2:])
        return torch.cat([values[:, order], torch.full(shape, fill, dtype=values.dtype)], dim=1)

    return replace(
        scores,
        log_p=moved(scores.log_p, -torch.inf),
        log_q=moved(scores.log_q, -torch.inf),
        log_lik=moved(scores.log_lik, 0.0),
        token_log_lik=moved(scores.token_log_lik, 0.0),
        found={source: moved(mask, False) for source, mask in scores.found.items()},
    )
