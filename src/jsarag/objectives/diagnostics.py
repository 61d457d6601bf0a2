"""Health of one E-step: pure functions of log-probabilities on the candidates, ``[batch, candidates] -> [batch]``."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from jsarag.objectives.objective import Scores, kl, posterior_on, softmax_on


def entropy(log_prob: Tensor) -> Tensor:
    """``[batch]`` entropy in nats of normalised log-probabilities ``[batch, candidates]``."""
    return cast(Tensor, torch.special.entr(log_prob.exp())).sum(-1)


def effective_sample_size(log_target: Tensor, log_proposal: Tensor) -> Tensor:
    """``[batch]`` effective sample size of one draw from the proposal, 0 to 1: 1 / sum_h target(h)^2 / proposal(h).

    It is E_q[w]^2 / E_q[w^2] for w = target / proposal: 1 where the proposal is the target.
    """
    square = torch.where(log_target == -torch.inf, -torch.inf, 2 * log_target - log_proposal)
    return (-square.logsumexp(-1)).exp()


def diagnose(scores: Scores, read: Tensor, *, posterior: bool) -> dict[str, Tensor]:
    """Diagnostics that every objective has, ``[batch]`` each; NaN where nothing of an example was read.

    The posterior is known only where the generator read; the candidates it never saw are left out of it, so with few
    of them ``ess`` and ``kl_posterior_q`` (taken on the same candidates) flatter the proposal.

    Args:
        scores: All that is known after a step.
        read: ``[batch, candidates]`` where ``scores.log_lik`` is known.
        posterior: Whether there is a posterior retriever q.
    """
    log_post = posterior_on(scores, read)
    top = scores.log_p.argmax(-1, keepdim=True)
    found = {
        "entropy_prior": entropy(scores.log_p),
        "entropy_posterior": entropy(log_post),
        "top1_mass": log_post.exp().gather(1, top)[:, 0],
    }
    if posterior:
        log_q = softmax_on(scores.log_q, read)
        found |= {
            "ess": effective_sample_size(log_post, log_q),
            "entropy_posterior_retriever": entropy(scores.log_q),
            "kl_posterior_q": kl(log_post, log_q),
        }
    return found
