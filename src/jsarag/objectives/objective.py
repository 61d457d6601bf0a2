"""What an objective is: it declares what it needs of the step, and turns scores on the candidates into a loss.

The step obeys the declaration and never asks which objective it has:

1. candidates C of each example are gathered from ``sources``, k from each;
2. `propose` names the candidates that the generator scores WITHOUT gradient;
3. `weigh` (the E-step) turns those scores into a target and names the candidates that are scored WITH gradient;
4. `loss` (the M-step) gives one number an example, from scores with gradient.

`estimate` runs 2 to 4. Everything here is tensor in, tensor out: no models, no texts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from jsarag.checks import positive
from jsarag.objectives.reads import Alone, Reads

Component = Literal["prior", "posterior", "generator"]
Source = Literal["prior", "posterior", "untrained", "gold"]


class Reading(NamedTuple):
    """What the generator says about y under each passage.

    Attributes:
        log_lik: ``[batch, candidates]`` log p(y|x,h) in nats, 0 where it was not asked for.
        token_log_lik: ``[batch, candidates, tokens]`` log p(y_t|x,h,y_<t), 0 past the end of an answer.
    """

    log_lik: Tensor
    token_log_lik: Tensor


class Reader(Protocol):
    """The generator as an objective meets it."""

    def __call__(self, asked: Tensor, reads: Reads) -> Reading:
        """Score y at the candidates ``asked[batch, candidates]``, each under the passages that ``reads`` names.

        With gradient where it is enabled.
        """


@dataclass(frozen=True)
class Scores:
    """Scores of one batch on its candidates.

    Attributes:
        log_p: ``[batch, candidates]`` log p(h|x), normalised over C; -inf marks padding.
        log_q: ``[batch, candidates]`` log q(h|x,y), normalised over C; -inf marks padding.
        log_lik: ``[batch, candidates]`` log p(y|x,h) in nats; 0 where it was not asked for.
        token_log_lik: ``[batch, candidates, tokens]`` its terms, 0 past the end of an answer.
        answer_tokens: ``[batch]`` tokens of y, the end of answer included.
        found: ``[batch, candidates]`` by source: True at the passages that this source proposed.
        start: ``[batch]`` positions in C of chain states kept from an earlier epoch, -1 where there is none.
    """

    log_p: Tensor
    log_q: Tensor
    log_lik: Tensor
    token_log_lik: Tensor
    answer_tokens: Tensor
    found: Mapping[Source, Tensor]
    start: Tensor

    @property
    def valid(self) -> Tensor:
        """``[batch, candidates]`` False at padding."""
        return self.log_p != -torch.inf

    @property
    def mean_log_lik(self) -> Tensor:
        """``[batch, candidates]`` mean over the tokens of y of log p(y_t|x,h,y_<t): minus the log perplexity."""
        return self.token_log_lik.sum(-1) / self.answer_tokens[:, None]


@dataclass(frozen=True)
class Proposals:
    """Candidates to be scored without gradient.

    Attributes:
        scored: ``[batch, candidates]`` True where log p(y|x,h) is wanted.
        draws: The draws behind them, if any: ``[batch, any]`` candidate positions.
    """

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
        diagnostics: ``[batch]`` tensors by name; NaN where an example has none.
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
class Estimate:
    """One batch through an objective.

    Attributes:
        loss: ``[batch]`` losses in nats, with gradient.
        target: What the E-step gave.
        seen: What was known in the E-step.
        read: ``[batch, candidates]`` True where the generator scored, with or without gradient.
        log_lik: ``[batch, candidates]`` the likelihoods of the M-step, on the device of the models, without gradient.
    """

    loss: Tensor
    target: Target
    seen: Scores
    read: Tensor
    log_lik: Tensor

    def scores(self, log_lik: Tensor) -> Scores:
        """All that is known afterwards, without gradient; ``log_lik`` where ``read``.

        Args:
            log_lik: `log_lik`, on the host: whoever asks decides when to wait for the models.
        """
        return replace(self.seen, log_lik=torch.where(self.target.backward, log_lik, self.seen.log_lik))


@dataclass(frozen=True)
class Objective(ABC):
    """Base of all objectives; a subclass is a frozen dataclass whose fields are its options.

    As it stands, nothing is scored beforehand and every candidate takes part with gradient: an objective of that kind
    gives its `loss` alone.

    Attributes:
        k: Passages taken from each source for the candidate set C.
    """

    name: ClassVar[str]
    """The name in `jsarag.objectives.OBJECTIVES`, in configurations and on the command line."""
    sources: ClassVar[frozenset[Source]]
    """Where the candidates C come from; ``untrained`` is the prior as it was before training."""
    trains: ClassVar[frozenset[Component]]
    """The models that the loss reaches."""
    first_reading: ClassVar[Reads] = Alone()
    """What the scores without gradient are read from."""
    second_reading: ClassVar[Reads] = Alone()
    """What the scores with gradient are read from."""

    k: int = 5

    def __post_init__(self) -> None:
        positive("objective.k", self.k)

    @property
    def keeps_state(self) -> bool:
        """Whether a chain state is kept for each example from one epoch to the next."""
        return False

    @property
    def temperature(self) -> float:
        """What the generator's logits are divided by in the step."""
        return 1.0

    def propose(self, scores: Scores, rng: torch.Generator) -> Proposals:
        """Name the candidates that the generator scores without gradient (no likelihood is known yet)."""
        return Proposals(torch.zeros_like(scores.valid))

    def weigh(self, scores: Scores, proposals: Proposals, rng: torch.Generator) -> Target:
        """The E-step; the likelihoods are filled where ``proposals.scored``."""
        share = scores.log_p.exp()
        return Target(share, scores.valid.to(share.dtype) / scores.valid.sum(-1, keepdim=True))

    @abstractmethod
    def loss(self, scores: Scores, target: Target) -> Tensor:
        """The M-step: ``[batch]`` losses in nats; the likelihoods have gradient where ``target.backward``."""


def estimate(
    objective: Objective,
    scores: Scores,
    reader: Reader,
    rng: torch.Generator,
    *,
    judge: Reader | None = None,
    seen: Scores | None = None,
) -> Estimate:
    """Run one batch through an objective: proposals, scores without gradient, E-step, scores with gradient, M-step.

    Args:
        objective: Says what is needed and gives the loss.
        scores: The retrievers' scores with gradient; the likelihoods are not looked at.
        reader: The generator.
        rng: Source of the sampler's randomness, on the device of ``seen``.
        judge: The generator as it was before training, where `Objective.first_reading` asks for it.
        seen: The same scores on the host, where the sampler is quicker than on a GPU; default: ``scores``.
    """
    blank, seen = _blank(scores), _blank(seen or scores)
    seen = replace(seen, log_p=seen.log_p.detach(), log_q=seen.log_q.detach())
    with torch.no_grad():
        proposals = objective.propose(seen, rng)
        scorer = judge if judge is not None and objective.first_reading.untrained else reader
        first = scorer(proposals.scored, objective.first_reading)
        seen = replace(seen, log_lik=first.log_lik, token_log_lik=first.token_log_lik)
        target = objective.weigh(seen, proposals, rng)
    with torch.set_grad_enabled(torch.is_grad_enabled() and "generator" in objective.trains):
        second = reader(target.backward, objective.second_reading)
    there = scores.log_p.device
    known = replace(blank, log_lik=_moved(second.log_lik, there), token_log_lik=_moved(second.token_log_lik, there))
    weights, generator_weights = _moved(target.weights, there), _moved(target.generator_weights, there)
    loss = objective.loss(known, replace(target, weights=weights, generator_weights=generator_weights))
    read = proposals.scored & objective.first_reading.likelihood | target.backward & objective.second_reading.likelihood
    return Estimate(loss, target, seen, read, second.log_lik.detach())


def _blank(scores: Scores) -> Scores:
    """The scores before anything was read."""
    zeros = torch.zeros_like(scores.log_p).detach()
    return replace(scores, log_lik=zeros, token_log_lik=zeros[..., None])


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the sampler where the models are; the host does not wait."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def m_step(scores: Scores, target: Target, trains: Collection[Component]) -> Tensor:
    """``[batch]`` minus sum_h weights(h) [ log p(h|x) + log q(h|x,y) ] + generator_weights(h) log p(y|x,h).

    The M-step of JSA (arXiv 2508.18168, algorithm 1), and of any objective whose E-step gives fixed weights. Models
    that are not trained, and padding, are left out.
    """
    total = (target.generator_weights * scores.log_lik).sum(-1) if "generator" in trains else 0.0
    if "prior" in trains:
        total = total + cross(target.weights, scores.log_p)
    if "posterior" in trains:
        total = total + cross(target.weights, scores.log_q)
    return -torch.as_tensor(total)


def cross(weights: Tensor, log_prob: Tensor) -> Tensor:
    """``[batch]`` sum_h weights(h) log_prob(h), both ``[batch, candidates]``; nothing where a weight is 0."""
    # 0 times -inf is NaN, in the value and in the gradient: what has no weight is replaced before it is multiplied.
    return (weights * log_prob.masked_fill(weights == 0, 0)).sum(-1)


def kl(log_a: Tensor, log_b: Tensor) -> Tensor:
    """``[batch]`` KL(a || b) in nats; candidates where a is 0 count 0. Gradient flows into both."""
    absent = log_a == -torch.inf
    a, b = log_a.masked_fill(absent, 0), log_b.masked_fill(absent, 0)
    return (log_a.exp() * (a - b)).sum(-1)


def floored_log(prob: Tensor) -> Tensor:
    """log of ``prob``, no lower than that of the smallest number: KL( . || prob) stays finite where prob is 0."""
    return prob.clamp(min=torch.finfo(prob.dtype).tiny).log()


def posterior_on(scores: Scores, known: Tensor) -> Tensor:
    """``[batch, candidates]`` log p(h|x,y) renormalised on the candidates ``known``, -inf elsewhere."""
    return (scores.log_p + scores.log_lik).masked_fill(~known, -torch.inf).log_softmax(-1)


def softmax_on(values: Tensor, known: Tensor) -> Tensor:
    """``[batch, candidates]`` log softmax of ``values`` on the candidates ``known``, -inf elsewhere."""
    return values.masked_fill(~known, -torch.inf).log_softmax(-1)
