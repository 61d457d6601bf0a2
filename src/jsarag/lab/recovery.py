"""How an objective learns when its posterior retriever starts poor: training of the tables themselves."""

from __future__ import annotations

from dataclasses import replace

import torch

from jsarag.lab.estimators import Row
from jsarag.lab.world import World, gradients
from jsarag.objectives import Objective

RATE = 0.1
"""Learning rate of Adam on the logits."""


def recover(objective: Objective, world: World, steps: int, every: int, seed: int) -> list[Row]:
    """Train both retrievers' tables from ``world`` (the generator stays), and watch p and q.

    Returns:
        A row every so many steps: ``marginal`` (mean log p(y|x) over the whole KB), ``kl`` (mean KL(p(h|x,y) || q)),
        and ``top1`` (share of examples whose best passage under p is the right one).
    """
    rng = torch.Generator().manual_seed(seed)
    prior, posterior = world.prior.clone().requires_grad_(), world.posterior.clone().requires_grad_()
    tables = {"prior": prior, "posterior": posterior}
    optimizer = torch.optim.Adam(list(tables.values()), lr=RATE)
    rows = []
    for step in range(steps + 1):
        now = replace(world, prior=prior.detach(), posterior=posterior.detach())
        if step % every == 0:
            log_post = now.log_posterior
            marginal = (now.prior.log_softmax(-1) + now.tokens.sum(-1)).logsumexp(-1)
            kl = (log_post.exp() * (log_post - now.posterior.log_softmax(-1))).sum(-1)
            top1 = (now.prior.argmax(-1) == now.gold).double()
            figures = {"marginal": float(marginal.mean()), "kl": float(kl.mean()), "top1": float(top1.mean())}
            rows.append({"step": step, **figures})
        found = gradients(objective, now, rng)
        for name, table in tables.items():
            table.grad = found[name].reshape(table.shape) if name in found else torch.zeros_like(table)
        optimizer.step()
    return rows
