"""An invented world: free tables, whose gradients are those of the logits themselves."""

from __future__ import annotations

import torch

from jsarag.lab.world import World


def synthetic(examples: int, passages: int, seed: int) -> World:
    """Questions with one right passage each, a retriever that is half right, a generator that reads well.

    log p(y|x,h) is about -2 nats under the right passage and -9 under others, with a few near misses; a logit of the
    prior is larger by 2 standard deviations at the right passage, so that it is often, and not always, in the top 5.

    Args:
        examples: Number of (x, y) pairs.
        passages: N.
        seed: Fixes everything.
    """
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    right = torch.randint(passages, (examples,), generator=rng)
    at = torch.nn.functional.one_hot(right, passages).to(torch.float64)
    prior = 1.5 * normal(examples, passages) + 3.0 * at
    lengths = torch.randint(1, 6, (examples,), generator=rng)
    misses = (torch.rand(examples, passages, generator=rng) < 3 / passages).to(torch.float64)
    total = -9.0 + 7.0 * at + 5.0 * misses * (1 - at) + 1.5 * normal(examples, passages)
    total = total.clamp(max=-0.1)
    within = (torch.arange(5) < lengths[:, None]).to(torch.float64)
    share = within[:, None] * torch.rand(examples, passages, 5, generator=rng, dtype=torch.float64)
    tokens = total[:, :, None] * share / share.sum(-1, keepdim=True)
    world = World(prior, torch.zeros_like(prior), tokens, lengths, right, {})
    return world.with_quality(0.5)
