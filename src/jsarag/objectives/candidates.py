"""The candidate set C(x, y) of each example, from the passages its sources proposed. Pure tensor functions."""

from __future__ import annotations

import torch
from torch import Tensor

PADDING = -1


def union(*positions: Tensor) -> Tensor:
    """The distinct positions of each row, ascending, padded at the end.

    Args:
        positions: ``[batch, any]`` passage positions each; `PADDING` where there is none.

    Returns:
        ``[batch, candidates]``, as wide as the widest row needs, at least 1.
    """
    ids = torch.cat(positions, dim=1).sort(dim=1).values
    repeated = torch.zeros_like(ids, dtype=torch.bool)
    repeated[:, 1:] = ids[:, 1:] == ids[:, :-1]
    absent = repeated | (ids == PADDING)
    # A stable sort of the mask moves what is absent to the end and keeps the rest in order.
    order = absent.to(torch.uint8).sort(dim=1, stable=True).indices
    width = max(int((~absent).sum(1).max()), 1)
    return ids.masked_fill(absent, PADDING).gather(1, order)[:, :width]


def locate(candidates: Tensor, positions: Tensor) -> Tensor:
    """``[batch]`` where in ``candidates[batch, candidates]`` each of ``positions[batch]`` stands, -1 if nowhere."""
    hit = (candidates == positions[:, None]) & (positions[:, None] != PADDING)
    return torch.where(hit.any(1), hit.to(torch.uint8).argmax(1), PADDING)


def rectangle(rows: list[list[int]]) -> Tensor:
    """Rows of positions of any lengths as one padded tensor ``[batch, longest]``, at least one column wide."""
    width = max([len(row) for row in rows] + [1])
    return torch.tensor([row + [PADDING] * (width - len(row)) for row in rows])


def member(candidates: Tensor, positions: Tensor) -> Tensor:
    """``[batch, candidates]`` True where a candidate is among the row's ``positions[batch, any]``; never padding."""
    real = candidates[:, :, None] != PADDING
    return ((candidates[:, :, None] == positions[:, None, :]) & real).any(-1)
