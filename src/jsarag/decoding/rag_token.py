"""RAG-Token: each token is generated from the mixture over passages (arXiv 2005.11401, equation of section 2.1)."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.decoding.decoder import Direct
from jsarag.models import Mixture
from jsarag.types import Retrieved


class RagToken(Direct):
    """p(y|x) = prod_t sum_h p(h|x) p(y_t|x,h,y_<t): k prompts that go on side by side, each with its own cache."""

    def mixture(self, x: str, hs: Sequence[Retrieved]) -> Mixture:
        """A prompt a passage, weighted by p(h|x)."""
        return Mixture(x, tuple((h.passage,) for h in hs), tuple(h.log_probability for h in hs))
