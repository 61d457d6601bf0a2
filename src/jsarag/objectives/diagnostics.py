"""Health of one E-step: pure functions of log-probabilities on the candidates, ``[batch, candidates] -> [batch]``."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from jsarag.objectives.objective import Scores


def entropy(log_prob: Tensor) -> Tensor:
    """``[batch]`` entropy in nats of normalised log-probabilities ``[batch, candidates]``."""
    return cast(Tensor, torch.special.entr(log_prob.exp())).sum(-1)


def kl(log_a: Tensor, log_b: Tensor) -> Tensor:
    """``[batch]`` KL(a || b) in nats; candidates where a is 0 count 0."""
    a = log_a.exp()
    return torch.where(a > 0, a * (log_a - log_b), 0).sum(-1)


def effective_sample_size(log_target: Tensor, log_proposal: Tensor) -> Tensor:
    """``[batch]`` effective sample size of one draw from the proposal, 0 to 1: 1 / sum_h target(h)^2 / proposal(h).

    It is E_q[w]^2 / E_q[w^2] for w = target / proposal: 1 where the proposal is the target.
    """
    square = torch.where(log_target == -torch.inf, -torch.inf, 2 * log_target - log_proposal)
    return (-square.logsumexp(-1)).exp()


def posterior_on(scores: Scores, scored: Tensor) -> Tensor:
    """``[batch, candidates]`` log p(h|x,y) renormalised on the candidates that the generator scored, -inf elsewhere."""
    return (scores.log_p + scores.log_lik).masked_fill(~scored, -torch.inf).log_softmax(-1)


def diagnose(scores: Scores, scored: Tensor) -> dict[str, Tensor]:
    """Diagnostics every objective with no-gradient scores can give, ``[batch]`` each.

    The posterior is known only where the generator scored; the candidates q never proposed are left out of it, so
    with few scored candidates ``ess`` and ``kl_posterior_q`` (taken on the same candidates) flatter the proposal.
    """
    log_post = posterior_on(scores, scored)
    log_q = scores.log_q.masked_fill(~scored, -torch.inf).log_softmax(-1)
    top = scores.log_p.argmax(-1, keepdim=True)
    return {
        "ess": effective_sample_size(log_post, log_q),
        "entropy_prior": entropy(scores.log_p),
        "entropy_posterior_retriever": entropy(scores.log_q),
        "entropy_posterior": entropy(log_post),
        "kl_posterior_q": kl(log_post, log_q),
        "top1_mass": log_post.exp().gather(1, top)[:, 0],
    }
