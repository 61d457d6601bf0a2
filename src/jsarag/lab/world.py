"""A knowledge base small enough to enumerate, as tables: what the laboratory measures estimators on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from jsarag.objectives import Objective, Reading, Scores, Source, estimate
from jsarag.objectives.candidates import member, union
from jsarag.objectives.reads import LeaveOneOut, Reads, Together

Gradients = dict[str, Tensor]
"""By component: ``[examples, entries]`` gradients with respect to its table, flattened."""


@dataclass(frozen=True)
class World:
    """N passages and some (x, y) pairs, with everything the three models say about them.

    Gradients are taken with respect to the tables. ``metric`` maps them to the parameters behind: with J the Jacobian
    of a row of a table by the parameters, the inner product of two parameter gradients J'a and J'b is a' (J J') b.

    Attributes:
        prior: ``[examples, N]`` logits of p(h|x).
        posterior: ``[examples, N]`` logits of q(h|x,y).
        tokens: ``[examples, N, tokens]`` log p(y_t|x,h,y_<t), 0 past the end of y.
        lengths: ``[examples]`` tokens of y.
        gold: ``[examples]`` position of the right passage.
        metric: By component ``[examples, entries, entries]`` J J'; a component that is not there: the identity.
    """

    prior: Tensor
    posterior: Tensor
    tokens: Tensor
    lengths: Tensor
    gold: Tensor
    metric: Gradients

    def __len__(self) -> int:
        return len(self.prior)

    @property
    def passages(self) -> int:
        """The number of passages N."""
        return self.prior.shape[1]

    @property
    def log_posterior(self) -> Tensor:
        """``[examples, N]`` log p(h|x,y), by enumeration."""
        return (self.prior.log_softmax(-1) + self.tokens.sum(-1)).log_softmax(-1)

    def with_posterior(self, logits: Tensor) -> World:
        """The same world with another posterior retriever."""
        return replace(self, posterior=logits)

    def with_quality(self, quality: float) -> World:
        """The same world with q proportional to p(h|x,y)^quality: 0 is uniform, 1 the exact posterior."""
        # Ties among equal logits are broken by chance, once and for all.
        chance = 1e-6 * torch.rand(self.prior.shape, generator=torch.Generator().manual_seed(0), dtype=self.prior.dtype)
        return self.with_posterior(quality * self.log_posterior + chance)

    def repeated(self, times: int) -> World:
        """Each example so many times in a row, without the metric."""
        tables = (self.prior, self.posterior, self.tokens, self.lengths, self.gold)
        prior, posterior, tokens, lengths, gold = (table.repeat_interleave(times, 0) for table in tables)
        return World(prior, posterior, tokens, lengths, gold, {})

    @property
    def within(self) -> Tensor:
        """``[examples, 1, tokens]`` False past the end of y."""
        return (torch.arange(self.tokens.shape[2]) < self.lengths[:, None])[:, None, :]

    def exact(self) -> Gradients:
        """What an estimator should give: of -log p(y|x) for prior and generator, of KL(p(h|x,y) || q) for q."""
        post = self.log_posterior.exp()
        return {
            "prior": self.prior.softmax(-1) - post,
            "posterior": self.posterior.softmax(-1) - post,
            "generator": -(post[:, :, None] * self.within).flatten(1),
        }


def gradients(objective: Objective, world: World, rng: torch.Generator) -> Gradients:
    """Gradients of an objective's loss, example by example, with candidates as in the training step.

    The generator reads one passage at a time; where an objective reads several at once, they are weighed by the prior.
    """
    prior, posterior, tokens = (
        table.detach().requires_grad_() for table in (world.prior, world.posterior, world.tokens)
    )
    k = min(objective.k, world.passages)
    best = world.prior.topk(k).indices
    proposed: dict[Source, Tensor] = {
        "prior": best,
        "untrained": best,
        "posterior": world.posterior.topk(k).indices,
        "gold": world.gold[:, None],
    }
    sources = sorted(objective.sources)
    candidates = union(*(proposed[source] for source in sources))
    padding, at = candidates < 0, candidates.clamp(min=0)

    def on(logits: Tensor) -> Tensor:
        return logits.gather(1, at).masked_fill(padding, -torch.inf).log_softmax(-1)

    log_p = on(prior)
    there = tokens.gather(1, at[:, :, None].expand(-1, -1, tokens.shape[2])).masked_fill(~world.within, 0)
    # Tables hold no logits to divide: the log-probabilities themselves are divided.
    there = there / objective.temperature
    scores = Scores(
        log_p=log_p,
        log_q=on(posterior),
        log_lik=there.sum(-1),
        token_log_lik=there,
        answer_tokens=world.lengths,
        found={source: member(candidates, proposed[source]) for source in sources},
        start=torch.full((len(world),), -1),
    )

    def read(asked: Tensor, reads: Reads) -> Reading:
        kept = there.masked_fill(~asked[:, :, None], 0)
        log_lik = there.sum(-1)
        if isinstance(reads, LeaveOneOut):
            log_lik = _without_each(log_p, log_lik)
        if isinstance(reads, Together):
            weights = log_p.detach().masked_fill(~asked, -torch.inf).log_softmax(-1)
            log_lik = (weights + log_lik).logsumexp(-1, keepdim=True).expand_as(log_p)
        return Reading(log_lik.masked_fill(~asked, 0), kept)

    loss = estimate(objective, scores, read, rng).loss.sum()
    found = torch.autograd.grad(loss, (prior, posterior, tokens), allow_unused=True)
    return {
        name: torch.zeros_like(table).flatten(1) if slope is None else slope.flatten(1)
        for name, slope, table in zip(
            ("prior", "posterior", "generator"), found, (prior, posterior, tokens), strict=True
        )
        if name in objective.trains
    }


def _without_each(log_p: Tensor, log_lik: Tensor) -> Tensor:
    """``[examples, candidates]`` log sum over the other candidates of p(h|x) p(y|x,h), p renormalised on them."""
    alone = torch.eye(log_p.shape[1], dtype=torch.bool)
    others = log_p[:, None, :].masked_fill(alone, -torch.inf)
    # With a single candidate nothing is left: any constant does, for a target over one passage is certain.
    return ((others + log_lik[:, None, :]).logsumexp(-1) - others.logsumexp(-1)).nan_to_num(0.0)
