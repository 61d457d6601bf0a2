"""Where PyTorch's fused attention is not the quickest there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

PLAIN = "eager"
"""What transformers calls attention in plain operations."""
FUSED = "sdpa"
"""What transformers calls PyTorch's fused attention."""
UNMASKED = "sdpa_without_mask"
"""Fused attention under a name for which transformers makes no mask, and so looks through no positions for one."""
MASKLESS = frozenset({"llama", "mistral", "qwen2", "qwen3"})
"""Families that are known to give the same then; others ask for the name of their attention, or put more into masks."""


def slow_backward(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether fused attention loses in its backward pass what it gains in the forward pass: in bf16 on CPUs.

    SmolLM2-135M with adapters, 8 prompts of 200 tokens, two cores: forward 0.75 s and backward 1.7 s fused, 0.85 s and
    1.3 s in plain operations; 2,000 tokens without gradient 0.80 s fused, 1.35 s in plain operations.
    """
    return device.type == "cpu" and dtype == torch.bfloat16


def differentiable(model: Any, dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Within the block the attention of ``model``, of transformers, is the one that is quickest with gradient."""
    return plain(model) if torch.is_grad_enabled() and slow_backward(dtype, device) else nullcontext()


def plain(model: Any) -> AbstractContextManager[None]:
    """Within the block ``model`` computes attention in plain operations."""
    return _switched(model, PLAIN)


def unmasked(model: Any, device: torch.device) -> AbstractContextManager[object]:
    """Within the block fused attention of ``model`` is causal and nothing else, for texts that are given no mask.

    transformers asks for each forward pass whether the positions are those of one text a row, and on a GPU the host
    waits for the answer.
    """
    config = model.config
    if device.type == "cpu" or config._attn_implementation != FUSED or config.model_type not in MASKLESS:
        return nullcontext()
    AttentionInterface.register(UNMASKED, sdpa_attention_forward)
    return _switched(model, UNMASKED)


@contextmanager
def _switched(model: Any, name: str) -> Iterator[None]:
    own = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(own)
