"""Learning rates over a run: each schedule at hand-worked places, and as the optimizer takes them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from jsarag.training.config import OptimConfig
from jsarag.training.optimisation import Optimisation
from jsarag.training.schedule import SCHEDULES, factor

# Share of the run, and the share of the peak rate: with a warm-up over the first fifth, then over the last four.
VALUES = {
    "constant": [(0.0, 0.0), (0.05, 0.25), (0.1, 0.5), (0.2, 1.0), (0.4, 1.0), (0.6, 1.0), (1.0, 1.0)],
    "linear": [(0.0, 0.0), (0.05, 0.25), (0.1, 0.5), (0.2, 1.0), (0.4, 0.75), (0.6, 0.5), (1.0, 0.0)],
    "cosine": [(0.0, 0.0), (0.05, 0.25), (0.1, 0.5), (0.2, 1.0), (0.4, 0.5 + math.sqrt(2) / 4), (0.6, 0.5), (1.0, 0.0)],
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_values(schedule: str) -> None:
    for progress, share in VALUES[schedule]:
        assert factor(schedule, 0.2, progress) == pytest.approx(share, abs=1e-12)
    assert factor(schedule, 0.2, 1.7) == pytest.approx(
        VALUES[schedule][-1][1], abs=1e-12
    )  # past the end: as at the end


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_warm_up_a_run_begins_at_its_peak(schedule: str) -> None:
    assert factor(schedule, 0.0, 0.0) == 1.0


def test_the_optimizer_takes_the_rate_of_its_component() -> None:
    weights = {name: nn.Parameter(torch.ones(1)) for name in ("prior", "generator")}
    config = OptimConfig(lr_prior=0.1, lr_generator=0.01, schedule="linear", warmup=0.2, weight_decay=0.0, clip=0.0)
    optimisation = Optimisation(config, {name: {"weight": weight} for name, weight in weights.items()})  # type: ignore[misc]
    for weight in weights.values():
        weight.grad = torch.ones(1)
    figures = optimisation.step(0.6)
    assert (figures["lr/prior"], figures["lr/generator"]) == pytest.approx((0.05, 0.005))
    # The first step of Adam is as long as the rate, whatever the gradient.
    assert [1 - weight.item() for weight in weights.values()] == pytest.approx([0.05, 0.005], rel=1e-4)
