"""AdamW with one learning rate a component, its schedule, clipping and gradient statistics by component."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from jsarag.training.config import OptimConfig
from jsarag.training.models import Part
from jsarag.training.schedule import factor

Parameters = Mapping[Part, Mapping[str, nn.Parameter]]


class NotFiniteError(ArithmeticError):
    """A loss or a gradient is NaN or infinite; the message says which."""


class Optimisation:
    """Optimizer and schedule over the components that an objective trains.

    Attributes:
        optimizer: AdamW with one group a component.
        peak: Highest learning rate of each component.
    """

    def __init__(self, config: OptimConfig, parameters: Parameters) -> None:
        self._config = config
        self._clip = config.clip
        self.parameters = {component: list(named.values()) for component, named in parameters.items()}
        self.peak = {component: config.rates[component] for component in self.parameters}
        groups = [
            {"params": weights, "lr": self.peak[component], "name": component}
            for component, weights in self.parameters.items()
        ]
        # One pass over the memory instead of ten: six times as fast on a CPU.
        fused = all(weight.device.type in {"cpu", "cuda"} for weights in self.parameters.values() for weight in weights)
        self.optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=fused)
        self._previous: dict[Part, _Gradient] = {}

    def step(self, progress: float) -> dict[str, float | None]:
        """Clip, take one step, clear the gradients; return rates, gradient norms and variances by component.

        The variance is half the squared distance between the gradients of two steps that follow each other, an
        unbiased estimate of the trace of their covariance while the models change little; None at a first step.

        Args:
            progress: Share of the run that is done, 0 to 1; the learning rates follow from it.

        Raises:
            NotFiniteError: a gradient is not finite; nothing has been changed.
        """
        gradients = {
            component: {i: weight.grad for i, weight in enumerate(weights) if weight.grad is not None}
            for component, weights in self.parameters.items()
        }
        totals = {
            component: nn.utils.get_total_norm(list(gradient.values())) if gradient else torch.zeros(())
            for component, gradient in gradients.items()
        }
        norms = {component: float(total) for component, total in totals.items()}
        for component, norm in norms.items():
            if not math.isfinite(norm):
                raise NotFiniteError(f"the gradient of the {component} is {norm}")
        for group in self.optimizer.param_groups:
            group["lr"] = self.peak[group["name"]] * factor(self._config.schedule, self._config.warmup, progress)
        figures: dict[str, float | None] = {}
        for component, weights in self.parameters.items():
            gradient, norm = gradients[component], norms[component]
            figures[f"lr/{component}"] = self.rate(component)
            figures[f"grad_norm/{component}"] = norm
            before = self._previous.get(component)
            distance = _distance(gradient, norm, before)
            figures[f"grad_variance/{component}"] = None if distance is None else distance / 2
            # A copy, always in the same memory: tensors that outlived the next forward pass would leave holes in it.
            self._previous[component] = _Gradient(_copied(gradient, before), norm)
            if self._clip and gradient:
                nn.utils.clip_grads_with_norm_(weights, self._clip, totals[component])
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return figures

    def forget(self) -> None:
        """Clear the gradients of a step that is left out."""
        self.optimizer.zero_grad(set_to_none=True)

    def previous(self) -> dict[str, Tensor]:
        """The gradients of the step before and their norms, which the next variance needs; for `recall`."""
        found: dict[str, Tensor] = {}
        for component, gradient in self._previous.items():
            found |= {f"{component}.{i}": value.contiguous() for i, value in gradient.values.items()}
            found[f"{component}.norm"] = torch.tensor(gradient.norm, dtype=torch.float64)
        return found

    def recall(self, previous: Mapping[str, Tensor]) -> None:
        """Take over what `previous` gave in another process."""
        self._previous = {}
        for component, weights in self.parameters.items():
            if f"{component}.norm" in previous:
                names = {i: name for i in range(len(weights)) if (name := f"{component}.{i}") in previous}
                # Cloned into memory as aligned as that of a run that was not stopped: products round the same.
                values = {i: previous[name].to(weights[i].device).clone() for i, name in names.items()}
                self._previous[component] = _Gradient(values, float(previous[f"{component}.norm"]))

    def rate(self, component: Part) -> float:
        """The present learning rate of a component."""
        return next(float(group["lr"]) for group in self.optimizer.param_groups if group["name"] == component)


class _Gradient(NamedTuple):
    """The gradient of an earlier step, unclipped, by place of the weight, and its norm."""

    values: dict[int, Tensor]
    norm: float


def _distance(gradient: dict[int, Tensor], norm: float, before: _Gradient | None) -> float | None:
    """Squared distance between a gradient and that of the step before; None where one is missing.

    From the norms and one product, which reads the memory once; differences would have to be written too.
    """
    if before is None or not before.values:
        return None
    # A weight without gradient has a gradient of zeros, which is what several processes give it.
    products = [torch.dot(a.flatten(), before.values[i].flatten()) for i, a in gradient.items() if i in before.values]
    product = float(torch.stack(products).sum(dtype=torch.float64)) if products else 0.0
    return max(norm**2 - 2 * product + before.norm**2, 0.0)


def _copied(gradient: dict[int, Tensor], before: _Gradient | None) -> dict[int, Tensor]:
    """A copy of ``gradient``, in the memory of that of the step before where it has the same shapes."""
    if before is None or before.values.keys() != gradient.keys():
        return {i: value.clone() for i, value in gradient.items()}
    for i, kept in before.values.items():
        kept.copy_(gradient[i])
    return before.values
