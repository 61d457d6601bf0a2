"""Where PyTorch's fused attention is not the quickest there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

PLAIN = "eager"
"""What transformers calls attention in plain operations."""


def slow_backward(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether fused attention loses in its backward pass what it gains in the forward pass: in bf16 on CPUs.

    SmolLM2-135M with adapters, 8 prompts of 200 tokens, two cores: forward 0.75 s and backward 1.7 s fused, 0.85 s and
    1.3 s in plain operations; 2,000 tokens without gradient 0.80 s fused, 1.35 s in plain operations.
    """
    return device.type == "cpu" and dtype == torch.bfloat16


def differentiable(model: Any, dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Within the block the attention of ``model``, of transformers, is the one that is quickest with gradient."""
    return plain(model) if torch.is_grad_enabled() and slow_backward(dtype, device) else nullcontext()


@contextmanager
def plain(model: Any) -> Iterator[None]:
    """Within the block ``model`` computes attention in plain operations."""
    own = model.config._attn_implementation
    model.set_attn_implementation(PLAIN)
    try:
        yield
    finally:
        model.set_attn_implementation(own)
