"""Top-1: the answer is generated from the best passage alone."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.decoding.decoder import Direct
from jsarag.models import Mixture
from jsarag.types import Retrieved


class Top1(Direct):
    """p(y|x) = p(y|x,h_1): the cheapest, one prompt of one passage."""

    def mixture(self, x: str, hs: Sequence[Retrieved]) -> Mixture:
        """The first passage."""
        return Mixture(x, ((hs[0].passage,),), (0.0,))

    def uses(self, hs: Sequence[Retrieved]) -> Sequence[Retrieved]:
        """The first."""
        return hs[:1]
