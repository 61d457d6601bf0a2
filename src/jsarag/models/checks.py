"""Refuses weights that are not numbers, by name."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from jsarag.types import InputError


def check_finite(tensors: Mapping[str, Tensor], where: str) -> None:
    """Refuse tensors that hold NaN or infinity.

    Args:
        tensors: By name.
        where: The option or file they come from, for the error.

    Raises:
        InputError: the first that does.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.itemsize > 1 and not tensor.isfinite().all():
            raise InputError(f"{where}: expected finite numbers; {name} holds NaN or infinity")
