"""Concatenation: the generator alone learns, from the prior's top k in one prompt (arXiv 2508.18168)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import require
from jsarag.objectives.objective import Objective, Proposals, Scores, Target, m_step
from jsarag.objectives.reads import Together


@dataclass(frozen=True)
class Concat(Objective):
    """``-log p(y | x, h_1, ..., h_k)`` over the prior's top k.

    The second stage of the paper, after the retrievers have been trained by `JSA`; and the fine-tuning of the generator
    in RA-DIT (Lin et al. 2023, arXiv 2310.01352) in its form with several passages.

    Attributes:
        k: Passages in the prompt.
        dropout: Share of them that is left out, at random and anew each time, so that the generator learns to bear the
            absence of any; one always stays, be it the null passage.
    """

    name = "concat"
    sources = frozenset({"prior"})
    trains = frozenset({"generator"})
    second_reading = Together()

    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.dropout < 1, "objective.dropout", "a share from 0 to below 1", self.dropout)

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """Equal shares on the passages that stay."""
        best = scores.found["prior"]  # among the candidates may be those of other pairs
        drawn = torch.rand(best.shape, generator=rng, device=rng.device).masked_fill(~best, -1)
        kept = best & ((drawn >= self.dropout) | (drawn == drawn.amax(-1, keepdim=True)))
        share = kept.to(scores.log_p.dtype)
        share = share / share.sum(-1, keepdim=True)
        return Target(share, share)

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``-log p(y|x, passages)``, which stands at each passage that was read."""
        return m_step(scores, target, self.trains)
