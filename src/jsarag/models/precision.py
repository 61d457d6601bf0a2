"""Which number format to compute in: bfloat16 where the machine is fast at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch
from torch import nn

Precision = Literal["auto", "bf16", "fp32"]


def compute_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The format of matrix products; ``auto`` takes bfloat16 on GPUs and CPUs that have instructions for it.

    On a CPU that has neither AMX nor AVX512-BF16 bfloat16 is emulated and slower than float32.
    """
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bf16()
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _cpu_has_bf16() -> bool:
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def autocast(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Compute in ``dtype`` while trained weights stay float32."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


@contextmanager
def cast(model: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """Within the block, where nothing may need a gradient, the float32 weights of ``model`` are copies in ``dtype``.

    `autocast` makes those copies too, but with float32 weights in the layers between matrix products the activations
    are float32 and cast before each product. They round to ``dtype`` here, as those of a frozen model do.
    """
    own = {weight: weight.data for weight in model.parameters() if weight.dtype == torch.float32}
    try:
        # Inside: memory may run out between two copies.
        for weight, data in own.items():
            weight.data = data.to(dtype)
        yield
    finally:
        for weight, data in own.items():
            weight.data = data
