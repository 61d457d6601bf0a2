"""What an objective is: it declares what it needs of the step, and turns scores on the candidates into a loss.

The step obeys the declaration and never asks which objective it has:

1. candidates C of each example are gathered from ``sources``, k from each;
2. `propose` names the candidates that the generator scores WITHOUT gradient;
3. `weigh` (the E-step) turns those scores into a target and names the candidates that are scored WITH gradient;
4. `loss` (the M-step) gives one number an example, from scores with gradient.

Everything here is tensor in, tensor out: no models, no texts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from jsarag.config import positive

Component = Literal["prior", "posterior", "generator"]
Source = Literal["prior", "posterior", "gold"]


@dataclass(frozen=True)
class Scores:
    """Scores of one batch on its candidates.

    Attributes:
        log_p: ``[batch, candidates]`` log p(h|x), normalised over C; -inf marks padding.
        log_q: ``[batch, candidates]`` log q(h|x,y), normalised over C; -inf marks padding.
        log_lik: ``[batch, candidates]`` log p(y|x,h) in nats; 0 where it was not asked for.
        gold: ``[batch, candidates]`` True at passages a person marked as right; only for objectives that declare it.
        start: ``[batch]`` positions in C of chain states kept from an earlier epoch, -1 where there is none.
    """

    log_p: Tensor
    log_q: Tensor
    log_lik: Tensor
    gold: Tensor
    start: Tensor

    @property
    def valid(self) -> Tensor:
        """``[batch, candidates]`` False at padding."""
        return self.log_p != -torch.inf


@dataclass(frozen=True)
class Proposals:
    """Candidates to be scored without gradient: ``scored[batch, candidates]``, and the draws behind them, if any."""

    scored: Tensor
    draws: Tensor | None = None


@dataclass(frozen=True)
class Target:
    """Result of the E-step.

    Attributes:
        weights: ``[batch, candidates]`` weights of the M-step for the retrievers; rows sum to 1. No gradient.
        generator_weights: ``[batch, candidates]`` likewise for the generator; the same, or an unbiased estimate of them
            on fewer passages. The loss needs log p(y|x,h) with gradient where they are above 0.
        state: ``[batch]`` positions of chain states to keep for the next epoch, or None where there is no chain.
        diagnostics: ``[batch]`` tensors by name.
    """

    weights: Tensor
    generator_weights: Tensor
    state: Tensor | None = None
    diagnostics: dict[str, Tensor] = field(default_factory=dict)

    @property
    def backward(self) -> Tensor:
        """``[batch, candidates]`` True where log p(y|x,h) is needed with gradient."""
        return self.generator_weights > 0


@dataclass(frozen=True)
class Objective(ABC):
    """Base of all objectives; a subclass is a frozen dataclass whose fields are its options.

    Attributes:
        k: Passages taken from each source for the candidate set C.
    """

    name: ClassVar[str]
    """The name in `jsarag.objectives.OBJECTIVES`, in configurations and on the command line."""
    sources: ClassVar[frozenset[Source]]
    """Where the candidates C come from."""
    trains: ClassVar[frozenset[Component]]
    """The models that the loss reaches."""

    k: int = 5

    def __post_init__(self) -> None:
        positive("objective.k", self.k)

    @property
    def keeps_state(self) -> bool:
        """Whether a chain state is kept for each example from one epoch to the next."""
        return False

    @abstractmethod
    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """Name the candidates that the generator scores without gradient (``scores.log_lik`` is not filled yet)."""

    @abstractmethod
    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """The E-step; ``scores.log_lik`` is filled where ``proposals.scored``."""

    @abstractmethod
    def loss(self, scores: Scores, target: Target) -> Tensor:
        """The M-step: ``[batch]`` losses in nats; ``scores.log_lik`` has gradient where ``target.backward``."""


def weighted_log_likelihood(scores: Scores, target: Target) -> Tensor:
    """``[batch]`` sum_h weights(h) [ log p(h|x) + log q(h|x,y) ] + generator_weights(h) log p(y|x,h), padding left out.

    The M-step of JSA (arXiv 2508.18168, algorithm 1), and of any objective whose E-step gives fixed weights.
    """
    # 0 times -inf is NaN, in the value and in the gradient: padding is replaced before it is multiplied.
    retrieval = (scores.log_p + scores.log_q).masked_fill(target.weights == 0, 0)
    return (target.weights * retrieval + target.generator_weights * scores.log_lik).sum(-1)
