"""An objective of one's own: the expected log-likelihood under the prior, whose gradient a reader may compare.

python examples/own_objective.py
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

import jsarag
from jsarag.objectives import Objective, Scores, Target


@dataclass(frozen=True)
class ExpectedLikelihood(Objective):
    """``-sum_h p(h|x) log p(y|x,h)`` over the prior's top k: a lower bound of log p(y|x) by Jensen's inequality.

    Attributes:
        k: Passages of the prior.
    """

    name = "expected-likelihood"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})

    def loss(self, scores: Scores, target: Target) -> Tensor:
        """``[batch]`` nats; padding has probability 0."""
        return -(scores.log_p.exp() * scores.log_lik).sum(-1)


passages = [{"text": "The mill grinds rye on Mondays."}, {"text": "The ferry leaves at noon."}]
pairs = [{"input": "When does the ferry leave?", "outputs": ["at noon"]}]

models = jsarag.Models.of(jsarag.load_encoder(), jsarag.load_generator())
kb = jsarag.KnowledgeBase.build(passages, models.prior)
settings = jsarag.Settings(loop=jsarag.LoopConfig(epochs=5, batch_size=1))
fitted = jsarag.Trainer(models, kb, pairs, ExpectedLikelihood(k=2), settings).run()

print(f"{fitted.state.step} steps; {fitted.state.tokens_trained:,} tokens trained")
