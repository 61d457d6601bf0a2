"""RetGen: generator on the mixture, retriever by reward (Zhang et al. 2021, arXiv 2105.06597, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from jsarag.objectives.objective import Objective, Scores, Target, cross


@dataclass(frozen=True)
class RetGen(Objective):
    """``-sum_h SG[ p(h|x) (r(h) - mean r) ] log p(h|x) - sum_h SG[ p(h|x) ] log p(y|x,h)``, over the prior's top K.

    The reward r(h) is the probability a token that the generator gives y, 0 to 1, less its mean over the passages, as
    in the released code; SG is no gradient. A reward is no likelihood: a passage far better than the rest moves the
    retriever by at most its reward.

    Attributes:
        k: Passages of the prior.
    """

    name = "retgen"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """REINFORCE for the retriever, expected log-likelihood for the generator."""
        reward = scores.mean_log_lik.detach().exp().masked_fill(~scores.valid, 0)
        mean = reward.sum(-1, keepdim=True) / scores.valid.sum(-1, keepdim=True)
        advantage = target.weights * (reward - mean)
        return -cross(advantage, scores.log_p) - cross(target.weights, scores.log_lik)
