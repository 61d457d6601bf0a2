"""Concatenation: the answer is generated from all passages in one prompt (arXiv 2508.18168)."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.decoding.decoder import Direct
from jsarag.models import Mixture
from jsarag.types import Retrieved


class Concat(Direct):
    """p(y|x) = p(y | x, h_1, ..., h_k): one prompt of k passages, for a generator that was trained on such prompts."""

    def mixture(self, x: str, hs: Sequence[Retrieved]) -> Mixture:
        """All passages, best first."""
        return Mixture(x, (tuple(h.passage for h in hs),), (0.0,))
