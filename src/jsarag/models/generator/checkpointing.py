"""Activations computed again in the backward pass instead of kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from jsarag.types import InputError


def recompute_layers(model: Any) -> None:
    """Let the layers of a forward pass with gradient keep no activations; the backward pass computes them again.

    transformers does that in training mode alone, in which layers also drop activations out.

    Raises:
        InputError: a family whose layers cannot be told.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    inside = {id(inner) for layer in layers for inner in layer.modules() if inner is not layer}
    if not layers:
        raise InputError(f"generator.checkpointing: expected false, {model.config.model_type} does not offer it")
    for layer in layers:
        if id(layer) not in inside:
            # A partial of a bound method, so that a copy of the model calls its own layers.
            layer.forward = partial(_recomputed, layer.forward)


def _recomputed(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)
