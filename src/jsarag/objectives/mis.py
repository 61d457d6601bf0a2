"""Metropolis independence sampling over a finite candidate set (Ou and Song 2020, arXiv 2005.14001, algorithm 1).

Proposals do not depend on where the chain stands, so they are all drawn first (`propose`); whoever owns the generator
scores each distinct one once; then the chain walks over them (`walk`, or `walk_expected` without its coin tosses).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

NO_STATE = -1
"""Marks a row that has no state to continue from."""
BLOCK = 256
"""Transitions that are taken at once: bounds the memory of their maps."""


class Chain(NamedTuple):
    """What one chain per row did.

    Attributes:
        weights: ``[batch, candidates]`` share of the counted transitions after which the chain stood there; rows sum
            to 1.
        last: ``[batch]`` final states, from which a later call may continue.
        acceptance: ``[batch]`` share of all proposals accepted; proposing the present state counts as accepted.
        trace: ``[batch, steps]`` where it stood after each transition, burn-in included; None without single states.
    """

    weights: Tensor
    last: Tensor
    acceptance: Tensor
    trace: Tensor | None = None


def propose(log_q: Tensor, steps: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Draw every proposal of a chain: ``[batch, steps + 1]`` candidate positions, the first one a possible start.

    Args:
        log_q: ``[batch, candidates]`` log proposal probabilities, normalised or not; -inf marks padding.
        steps: Transitions m.
        generator: Source of randomness.

    Raises:
        ValueError: wrong shape, a row without a finite candidate, or ``steps`` below 1.
    """
    _check_rows(log_q)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    return torch.multinomial(log_q.softmax(-1), steps + 1, replacement=True, generator=generator)


def walk(
    proposals: Tensor,
    log_w: Tensor,
    *,
    start: Tensor | None = None,
    burn_in: int = 0,
    generator: torch.Generator | None = None,
) -> Chain:
    """Accept or reject the proposals in turn: h' replaces h with probability min(1, w(h') / w(h)).

    A transition with its coin tossed is a map of the states, and maps compose in any grouping: log2(steps) operations
    on all transitions take the place of a loop over them.

    Args:
        proposals: ``[batch, steps + 1]`` from `propose`; column 0 is the start of rows that have none of their own.
        log_w: ``[batch, candidates]`` log p(h|x) + log p(y|x,h) - log q(h|x,y), up to a constant a row. Read only where
            a proposal or a start points.
        start: ``[batch]`` states to continue from; ``NO_STATE`` or no tensor at all: column 0 of ``proposals``.
        burn_in: First transitions that are walked but not counted.
        generator: Source of randomness.

    Raises:
        ValueError: shapes that do not fit, or ``burn_in`` that leaves nothing to count.
    """
    state, draws = _start(proposals, log_w, start, burn_in)
    steps, here = draws.shape[1], torch.arange(log_w.shape[1], device=log_w.device)
    log_u = torch.rand(draws.shape, generator=generator, dtype=log_w.dtype, device=log_w.device).log()
    traces, accepted = [], torch.zeros_like(state[:, 0])
    for draw, u in zip(torch.split(draws, BLOCK, 1), torch.split(log_u, BLOCK, 1), strict=True):
        accept = u[:, :, None] < _log_ratio(log_w.gather(1, draw)[:, :, None], log_w[:, None, :])
        to = _composed(torch.where(accept, draw[:, :, None], here))
        trace = to.gather(2, state[:, None, :].expand(-1, to.shape[1], 1))[:, :, 0]
        before = torch.cat([state, trace[:, :-1]], dim=1)
        accepted += accept.gather(2, before[:, :, None])[:, :, 0].sum(1)
        traces.append(trace)
        state = trace[:, -1:]
    trace = torch.cat(traces, dim=1)
    share = torch.full((len(trace), steps - burn_in), 1 / (steps - burn_in), dtype=log_w.dtype, device=log_w.device)
    weights = torch.zeros_like(log_w).scatter_add_(1, trace[:, burn_in:], share)
    return Chain(weights, state[:, 0], accepted.to(log_w.dtype) / steps, trace)


def walk_expected(
    proposals: Tensor,
    log_w: Tensor,
    *,
    start: Tensor | None = None,
    burn_in: int = 0,
    generator: torch.Generator | None = None,
) -> Chain:
    """The expectation of `walk` over its accept/reject decisions, given the proposals (Rao-Blackwellised).

    A distribution over states is carried instead of one state: at each transition every state gives the share
    min(1, w(h') / w(h)) of its mass to the proposal. Same arguments, shapes and errors as `walk`; ``last`` is drawn
    from the final distribution.
    """
    state, draws = _start(proposals, log_w, start, burn_in)
    steps = draws.shape[1]
    mass = torch.zeros_like(log_w).scatter_(1, state, 1.0)
    weights = torch.zeros_like(log_w)
    accepted = torch.zeros_like(log_w[:, 0])
    for t in range(steps):
        proposal = draws[:, t : t + 1]
        moved = mass * _log_ratio(log_w.gather(1, proposal), log_w).clamp(max=0).exp()
        gained = moved.sum(-1, keepdim=True)
        mass = (mass - moved).scatter_add(1, proposal, gained)
        accepted += gained[:, 0]
        if t >= burn_in:
            weights += mass / (steps - burn_in)
    last = torch.multinomial(mass, 1, generator=generator)[:, 0]
    return Chain(weights, last, accepted / steps)


def distinct(proposals: Tensor, candidates: int, start: Tensor | None = None) -> Tensor:
    """``[batch, candidates]`` True where a proposal, or the start that a row continues from, points."""
    first = proposals[:, :1] if start is None else _first(proposals, start)
    visited = torch.cat([first, proposals[:, 1:]], dim=1)
    return torch.zeros(len(proposals), candidates, dtype=torch.bool, device=proposals.device).scatter_(1, visited, True)


def subsample(weights: Tensor, draws: int, *, generator: torch.Generator | None = None) -> Tensor:
    """``[batch, candidates]`` an unbiased estimate of ``weights`` (rows sum to 1) with at most ``draws`` entries."""
    chosen = torch.multinomial(weights, draws, replacement=True, generator=generator)
    share = torch.full(chosen.shape, 1 / draws, dtype=weights.dtype, device=weights.device)
    return torch.zeros_like(weights).scatter_add_(1, chosen, share)


def _log_ratio(log_w_proposal: Tensor, log_w_state: Tensor) -> Tensor:
    """log w(h') - log w(h); a state of weight 0 is always left, even for another one (-inf minus -inf is NaN)."""
    return torch.where(log_w_state == -torch.inf, torch.inf, log_w_proposal - log_w_state)


def _composed(to: Tensor) -> Tensor:
    """``[batch, steps, candidates]`` where so many of the maps ``to`` lead from a state: Hillis and Steele's scan."""
    reach = 1
    while reach < to.shape[1]:
        to = torch.cat([to[:, :reach], to[:, reach:].gather(2, to[:, :-reach])], dim=1)
        reach *= 2
    return to


def _first(proposals: Tensor, start: Tensor) -> Tensor:
    return torch.where(start == NO_STATE, proposals[:, 0], start)[:, None]


def _start(proposals: Tensor, log_w: Tensor, start: Tensor | None, burn_in: int) -> tuple[Tensor, Tensor]:
    """The first states ``[batch, 1]`` and the proposals of the transitions ``[batch, steps]``, checked."""
    if proposals.ndim != 2 or log_w.ndim != 2 or len(proposals) != len(log_w) or proposals.shape[1] < 2:
        raise ValueError(
            f"expected proposals[batch, steps + 1] and log_w[batch, candidates], got {tuple(proposals.shape)} "
            f"and {tuple(log_w.shape)}"
        )
    if start is not None and start.shape != proposals.shape[:1]:
        raise ValueError(f"expected start[{len(proposals)}], got {tuple(start.shape)}")
    draws = proposals[:, 1:]
    if not 0 <= burn_in < draws.shape[1]:
        raise ValueError(f"burn_in must be at least 0 and below the {draws.shape[1]} transitions, got {burn_in}")
    return (proposals[:, :1] if start is None else _first(proposals, start)), draws


def _check_rows(log_q: Tensor) -> None:
    if log_q.ndim != 2:
        raise ValueError(f"expected log_q[batch, candidates], got shape {tuple(log_q.shape)}")
    if not log_q.isfinite().any(-1).all():
        raise ValueError("a row of log_q has no finite candidate")
