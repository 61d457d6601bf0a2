"""Which passages stand in the prompt where an objective asks for log p(y | x, ...) at a candidate h.

A new way is one class here; the step asks it for the passages and never which it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reads(ABC):
    """What the generator reads together with x.

    Attributes:
        untrained: Whether the generator as it was before training reads; only for scores without gradient.
    """

    untrained: bool = False

    @property
    def likelihood(self) -> bool:
        """Whether the score at h is log p(y|x,h) under the generator that learns."""
        return False

    @abstractmethod
    def prompt(self, h: int, asked: Sequence[int], candidates: Sequence[int]) -> tuple[int, ...]:
        """The candidates in the prompt of the score at ``h``, in their order there.

        Args:
            h: Position among the candidates of one pair.
            asked: Those of which a score is wanted, the prior's best first.
            candidates: All, in their order.
        """


@dataclass(frozen=True)
class Alone(Reads):
    """h alone: log p(y|x,h)."""

    @property
    def likelihood(self) -> bool:
        """True but for the untrained generator."""
        return not self.untrained

    def prompt(self, h: int, asked: Sequence[int], candidates: Sequence[int]) -> tuple[int, ...]:
        """Only h."""
        return (h,)


@dataclass(frozen=True)
class LeaveOneOut(Reads):
    """All candidates but h: log p(y | x, C without h)."""

    def prompt(self, h: int, asked: Sequence[int], candidates: Sequence[int]) -> tuple[int, ...]:
        """The others, in their order."""
        return tuple(other for other in candidates if other != h)


@dataclass(frozen=True)
class Together(Reads):
    """All that are asked for in one prompt: log p(y | x, asked), the same at each of them."""

    def prompt(self, h: int, asked: Sequence[int], candidates: Sequence[int]) -> tuple[int, ...]:
        """The best passage first."""
        return tuple(asked)
