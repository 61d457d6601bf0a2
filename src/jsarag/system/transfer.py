"""Between the host and the device, so that neither waits more often than it must."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

HOST = torch.device("cpu")


def to_device(values: Any, device: torch.device) -> Tensor:
    """Numbers, or a tensor of the host, on a device; a GPU takes them when it comes to them, and the host goes on."""
    tensor = values if isinstance(values, Tensor) else torch.tensor(values)
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def to_host(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors as they are on the host, without gradient: one wait for all of them, none where they lie there."""
    if all(tensor.device == HOST for tensor in tensors):
        return [tensor.detach() for tensor in tensors]
    flat = torch.cat([tensor.detach().flatten() for tensor in tensors]).cpu()
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape).to(tensor.dtype) for part, tensor in zip(parts, tensors, strict=True)]
