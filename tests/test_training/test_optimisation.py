"""The optimizer against PyTorch's own clipping and AdamW, and its gradient statistics against their definition."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from jsarag.training import last
from jsarag.training.config import OptimConfig
from jsarag.training.optimisation import Optimisation


@pytest.mark.parametrize("clip", [0.0, 0.5, 100.0])
@pytest.mark.parametrize("pieces", [None, 2, 6, 100])
def test_steps_are_those_of_adamw_and_figures_those_of_the_unclipped_gradient(
    clip: float, pieces: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pieces:
        monkeypatch.setattr(last, "in_pieces", lambda device: True)
        monkeypatch.setattr(last, "PIECE", pieces)
    generator = torch.Generator().manual_seed(0)
    ours, theirs = ([nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.ones(4))] for _ in range(2))
    config = OptimConfig(lr_prior=0.1, weight_decay=0.3, clip=clip, warmup=0.0, schedule="constant")
    optimisation = Optimisation(config, {"prior": {str(i): weight for i, weight in enumerate(ours)}})
    reference = torch.optim.AdamW(theirs, lr=0.1, weight_decay=0.3)
    before = None
    for _ in range(4):
        gradients = [torch.randn(weight.shape, generator=generator) for weight in ours]
        for mine, other, gradient in zip(ours, theirs, gradients, strict=True):
            mine.grad, other.grad = gradient.clone(), gradient.clone()
        figures = optimisation.step(0.5)
        if clip:
            nn.utils.clip_grad_norm_(theirs, clip)
        reference.step()
        for mine, other in zip(ours, theirs, strict=True):
            assert_close(mine, other)
            assert mine.grad is None
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        assert figures["grad_norm/prior"] == pytest.approx(float(flat.norm()), rel=1e-5)
        expected = None if before is None else pytest.approx(float((flat - before).square().sum() / 2), rel=1e-4)
        assert figures["grad_variance/prior"] == expected
        before = flat


def test_a_component_without_gradient_is_left_alone() -> None:
    weight = nn.Parameter(torch.ones(2))
    optimisation = Optimisation(OptimConfig(), {"generator": {"w": weight}})
    figures = optimisation.step(0.5)
    assert figures["grad_norm/generator"] == 0.0
    assert figures["grad_variance/generator"] is None
    assert_close(weight, torch.ones(2))


def test_the_variance_goes_on_in_another_process() -> None:
    def made() -> tuple[nn.Parameter, Optimisation]:
        weight = nn.Parameter(torch.ones(3, 2))
        return weight, Optimisation(OptimConfig(), {"prior": {"w": weight, "unused": nn.Parameter(torch.ones(1))}})

    generator = torch.Generator().manual_seed(0)
    (weight, optimisation), (other, resumed) = made(), made()
    # Not contiguous, as the gradient of a transposed product.
    gradients = [torch.randn(2, 3, generator=generator).T for _ in range(2)]
    weight.grad = gradients[0].clone()
    optimisation.step(0.5)
    saved = optimisation.previous()
    assert all(value.is_contiguous() for value in saved.values())
    resumed.recall(saved)
    figures = []
    for mine, optimiser in ((weight, optimisation), (other, resumed)):
        mine.grad = gradients[1].clone()
        figures.append(optimiser.step(0.5)["grad_variance/prior"])
    assert figures[0] == figures[1]
    assert figures[0] == pytest.approx(float((gradients[1] - gradients[0]).square().sum() / 2), rel=1e-4)


def test_a_weight_without_gradient_counts_as_zeros() -> None:
    weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))]
    optimisation = Optimisation(OptimConfig(), {"prior": {str(i): weight for i, weight in enumerate(weights)}})
    for weight in weights:
        weight.grad = torch.tensor([3.0, 4.0])
    optimisation.step(0.5)
    weights[1].grad = torch.tensor([3.0, 0.0])
    assert optimisation.step(0.5)["grad_variance/prior"] == pytest.approx((25 + 16) / 2)
