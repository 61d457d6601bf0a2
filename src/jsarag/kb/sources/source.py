"""What a source of candidates is: it scores the passages of a knowledge base by the texts alone, without vectors."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Relevance = NDArray[np.float32]


class Source(Protocol):
    """Finds passages beside the retrievers; made of the passages in the order of their positions."""

    def scores(self, text: str) -> Relevance:
        """``[passages]`` how well each passage fits a text, at least 0; 0 where the source has nothing to say."""


def best(scores: Relevance, k: int, exclude: Collection[int] = ()) -> list[int]:
    """Positions of at most k passages with the highest scores above 0, equal ones in order; no excluded one.

    Example:
        >>> best(np.array([0, 2, 3, 2, 1], dtype=np.float32), 2)
        [2, 1]
    """
    wanted = k + len(exclude)
    bar = np.partition(scores, -wanted)[-wanted] if wanted < len(scores) else 0.0
    good = np.flatnonzero((scores >= bar) & (scores > 0))
    order: list[int] = good[np.argsort(-scores[good], kind="stable")].tolist()
    return [i for i in order if i not in exclude][:k]
