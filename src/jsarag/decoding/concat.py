"""Concatenation: the answer is generated from all passages in one prompt (arXiv 2508.18168)."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.decoding.decoder import Direct
from jsarag.models import Generator, Mixture
from jsarag.types import Retrieved


class Concat(Direct):
    """p(y|x) = p(y | x, h_1, ..., h_k): one prompt of k passages, for a generator that was trained on such prompts."""

    def mixture(self, x: str, hs: Sequence[Retrieved]) -> Mixture:
        """All passages, best first."""
        return Mixture(x, (tuple(h.passage for h in hs),), (0.0,))

    def uses(self, hs: Sequence[Retrieved]) -> Sequence[Retrieved]:
        """All, but for the null passage where there are others."""
        return [h for h in hs if not h.passage.null] or hs

    def reads(self, generator: Generator, x: str, hs: Sequence[Retrieved]) -> Sequence[Retrieved]:
        """The first so many that the prompt holds."""
        used = self.uses(hs)
        return used[: len(generator.reads(x, [h.passage for h in used]))]
