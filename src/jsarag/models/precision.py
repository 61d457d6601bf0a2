"""Which number format to compute in: bfloat16 where the machine is fast at it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

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
