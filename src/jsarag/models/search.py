"""How the tokens of an answer are chosen: greedily, by beams or by chance; a new way is one line of `SEARCHES`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag.checks import not_negative, require


class Search:
    """What is looked for under a distribution over answers; its fields are its settings."""

    @property
    def width(self) -> int:
        """Answers kept for each question."""
        return 1

    def judge(self, log_probs: Tensor, noise: Sequence[torch.Generator]) -> Tensor:
        """What the next token of each beam is chosen by: the higher, the better; the log-probabilities as they are.

        Args:
            log_probs: ``[answers, beams, vocabulary]`` log p(y_t|y_<t).
            noise: A source of randomness for each answer.
        """
        return log_probs

    def passages(self, x: str, log_weights: Tensor) -> list[int]:
        """Which of the passages with ``log_weights[passages]`` give candidate answers: all, best first."""
        return list(range(len(log_weights)))

    def noise(self, x: str, purpose: str) -> torch.Generator:
        """The randomness of one question: the same whatever is asked beside it, and on every device."""
        return torch.Generator().manual_seed(0)


@dataclass(frozen=True)
class Greedy(Search):
    """The likeliest next token, every time."""


BEAMS = 1000
"""Each beam holds memory of its own."""


@dataclass(frozen=True)
class Beam(Search):
    """The likeliest answers that are found by keeping so many beginnings; no length penalty.

    Attributes:
        beams: Beginnings kept.
    """

    beams: int = 4

    def __post_init__(self) -> None:
        expected = f"2 or more, up to {BEAMS:,} (search greedy keeps one)"
        require(1 < self.beams <= BEAMS, "decoding.beams", expected, self.beams)

    @property
    def width(self) -> int:
        """The beams."""
        return self.beams


@dataclass(frozen=True)
class Sample(Search):
    """A draw: the same for the same question and seed, another for another seed.

    The largest of log-probabilities plus independent Gumbel noise is a draw from them, so that a draw too is a maximum.

    Attributes:
        temperature: What the log-probabilities are divided by; 1: as they are.
        top_p: Only the likeliest tokens that together have this probability take part; 1: all.
        seed: Fixes the draws.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        # Scores that are divided by less overflow.
        require(self.temperature >= 1e-9, "decoding.temperature", "a number of 1e-9 or more", self.temperature)
        require(0 < self.top_p <= 1, "decoding.top_p", "a probability above 0 and up to 1", self.top_p)
        not_negative("decoding.seed", self.seed)

    def judge(self, log_probs: Tensor, noise: Sequence[torch.Generator]) -> Tensor:
        """Tempered, cut and with noise."""
        from transformers import TopPLogitsWarper

        judged = log_probs / self.temperature
        if self.top_p < 1:
            cut = TopPLogitsWarper(self.top_p)
            judged = cut(None, judged.flatten(0, 1)).view_as(judged)
        return judged + torch.stack([_gumbel(log_probs.shape[1:], rng) for rng in noise]).to(judged.device)

    def passages(self, x: str, log_weights: Tensor) -> list[int]:
        """One, drawn by its weight: with an answer drawn from it, that is a draw from the mixture."""
        return [int((log_weights + _gumbel(log_weights.shape, self.noise(x, "passage"))).argmax())]

    def noise(self, x: str, purpose: str) -> torch.Generator:
        """Seeded by seed, question and purpose."""
        key = hashlib.blake2b(f"{self.seed} {purpose} {x}".encode(), digest_size=7).digest()
        return torch.Generator().manual_seed(int.from_bytes(key))


SEARCHES: dict[str, type[Search]] = {"greedy": Greedy, "beam": Beam, "sample": Sample}


def _gumbel(shape: Sequence[int], rng: torch.Generator) -> Tensor:
    return -torch.empty(shape, dtype=torch.float32).exponential_(generator=rng).log()
