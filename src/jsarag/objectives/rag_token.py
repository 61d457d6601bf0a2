"""RAG-Token: top-K marginalisation at every token (Lewis et al. 2020, arXiv 2005.11401, section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.objectives.objective import Objective, Scores, Target


@dataclass(frozen=True)
class RagToken(Objective):
    """``-sum_t log sum_{h in topK(p)} p(h|x) p(y_t|x,h,y_<t)``: each token may come from another passage.

    Beside `RagSequence`, where one passage has to explain the whole answer. The product of the tokens' marginals is
    another model of y than p(y|x), so its gradient differs from that of log p(y|x) even at K = N.

    Attributes:
        k: The K of the marginalisation.
    """

    name = "rag-token"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``-sum_t log sum_h p(h|x) p(y_t|x,h,y_<t)``, whatever the run's ``generator.likelihood``."""
        marginal = (scores.log_p[:, :, None] + scores.token_log_lik).logsumexp(1)
        within = torch.arange(marginal.shape[1], device=marginal.device) < scores.answer_tokens[:, None]
        return -marginal.masked_fill(~within, 0).sum(-1)
