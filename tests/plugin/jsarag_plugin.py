"""A package beside jsarag: an objective, a kind of index and a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from jsarag.index import Index, Kind, Needs
from jsarag.metrics import Metric
from jsarag.objectives import Objective, Scores, Target


@dataclass(frozen=True)
class Sharpened(Objective):
    """``-log sum_h p(h|x)^power p(y|x,h)`` over the prior's top k.

    Attributes:
        k: Passages of the prior.
        power: Of the prior.
    """

    name = "sharpened"
    sources = frozenset({"prior"})
    trains = frozenset({"prior", "generator"})

    power: float = 2.0

    def loss(self, scores: Scores, target: Target) -> Tensor:
        return -(self.power * scores.log_p + scores.log_lik).masked_fill(~scores.valid, -1e9).logsumexp(-1)


@dataclass(frozen=True)
class Sorted(Kind):
    """A sorted list of all scores.

    Attributes:
        reverse: Whether the list is made the other way round first.
    """

    name = "sorted"
    exact = True

    reverse: bool = False

    def build(self, vectors: Any) -> Index:
        return SortedIndex(vectors)

    def load(self, folder: Path, vectors: Any) -> Index:
        return SortedIndex(vectors)

    def needs(self, passages: int, dimensions: int) -> Needs:
        return Needs(0, 0)


class SortedIndex:
    def __init__(self, vectors: Any) -> None:
        self.vectors = vectors
        self.facts: dict[str, Any] = {}

    def search(self, queries: Any, k: int) -> tuple[Any, Any]:
        scores = queries @ self.vectors.T
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(scores, best, 1), best

    def save(self, folder: Path) -> None:
        pass


def words(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    return [len(answer.split()) / 100 for answer in answers]


WORDS = Metric("words", "Words, in hundreds", words, better=0)
