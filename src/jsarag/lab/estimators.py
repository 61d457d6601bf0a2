"""Bias, variance and tails of an objective's gradient against the exact one."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from jsarag.lab.world import Gradients, World, gradients
from jsarag.objectives import Objective

NOTHING = 1e-9
"""Squared length of the exact gradient, in squared lengths of a drawn one, below which the exact gradient is 0."""

Row = dict[str, Any]
"""One figure with its setting: a row of a table."""


def measure(objective: Objective, world: World, replicates: int, seed: int) -> list[Row]:
    """Bias and variance of an objective's gradient, one row a component that it trains.

    Every example is measured by itself and the squares are added up over examples, so that examples with a large
    exact gradient count most.

    Args:
        objective: The estimator.
        world: Tables, and the metric in which lengths and angles are taken.
        replicates: Independent gradients of each example, at least 2.
        seed: Of the sampler.

    Returns:
        Rows with ``angle`` (mean over examples, degrees, between mean and exact gradient), ``bias`` (length of their
        difference over that of the exact gradient, the part that is chance taken off), ``length`` (of the mean over
        that of the exact) and ``variance`` (trace of the covariance over the squared length of the exact gradient);
        None where the exact gradient is 0.

    Raises:
        ValueError: fewer than 2 replicates.
    """
    if replicates < 2:
        raise ValueError(f"expected at least 2 replicates, got {replicates}")
    drawn = sample(objective, world, replicates, seed)
    exact = world.exact()
    rows = []
    for component, draws in drawn.items():
        truth, mean = exact[component], draws.mean(1)
        gram = world.metric.get(component)
        spread = _square(draws - mean[:, None], gram).sum(1) / (replicates - 1)
        off = (_square(mean - truth, gram) - spread / replicates).clamp(min=0)
        size, length = _square(truth, gram), _square(mean, gram)
        cosine = _product(mean, truth, gram) / (size * length).clamp(min=1e-300).sqrt()
        figures = {
            "angle": float(cosine.clamp(-1, 1).arccos().mean()) * 180 / math.pi,
            "bias": float((off.sum() / size.sum()).sqrt()),
            "length": float((length.sum() / size.sum()).sqrt()),
            "variance": float(spread.sum() / size.sum()),
        }
        vanishes = bool(size.sum() < NOTHING * (length + spread).sum())
        rows.append({"component": component, **(dict.fromkeys(figures) if vanishes else figures)})
    return rows


def sample(objective: Objective, world: World, replicates: int, seed: int) -> Gradients:
    """``[examples, replicates, entries]`` independent gradients by component."""
    rng = torch.Generator().manual_seed(seed)
    found = gradients(objective, world.repeated(replicates), rng)
    return {component: slope.unflatten(0, (len(world), replicates)) for component, slope in found.items()}  # type: ignore[no-untyped-call]


def lengths(objective: Objective, world: World, replicates: int, seed: int) -> dict[str, Tensor]:
    """``[examples * replicates]`` lengths of single gradients by component: the sample behind tails."""
    drawn = sample(objective, world, replicates, seed)
    return {c: _square(draws, world.metric.get(c)).clamp(min=0).sqrt().flatten() for c, draws in drawn.items()}


def _square(a: Tensor, gram: Tensor | None) -> Tensor:
    return _product(a, a, gram)


def _product(a: Tensor, b: Tensor, gram: Tensor | None) -> Tensor:
    """Inner products along the last axis of ``[examples, ..., entries]`` in the metric of each example."""
    if gram is None:
        return (a * b).sum(-1)
    flat = (a.flatten(1, -2) if a.ndim > 2 else a[:, None]) @ gram
    return (flat.reshape(a.shape) * b).sum(-1)
