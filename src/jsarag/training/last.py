"""The gradient of the step before, kept for the variance of gradients: flat, in pieces of memory that stay."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

PIECE = 2**24
"""Numbers of a piece: a copy of one is what a product takes in memory."""


def in_pieces(device: torch.device) -> bool:
    """Whether one product of copies is quicker than a product a weight: where each of these is a launch."""
    return device.type != "cpu"


class Last:
    """The unclipped gradient of one component, by place of the weight.

    Tensors that outlived the next forward pass would leave holes in the memory, so the same pieces are written anew.

    Attributes:
        norm: Of the gradient; None where there is none.
    """

    def __init__(self) -> None:
        """Nothing is kept so far."""
        self.norm: float | None = None
        self._shapes: dict[int, torch.Size] = {}
        self._places: list[list[int]] = []
        self._pieces: list[Tensor] = []

    def values(self) -> dict[int, Tensor]:
        """The gradient of each weight that has one."""
        found: dict[int, Tensor] = {}
        for piece, places in zip(self._pieces, self._places, strict=True):
            parts = torch.split(piece, [self._shapes[i].numel() for i in places])
            found |= {i: part.view(self._shapes[i]) for i, part in zip(places, parts, strict=True)}
        return found

    def product(self, gradient: Mapping[int, Tensor]) -> Tensor:
        """The inner product with another gradient, where they lie; 0 where nothing is kept.

        A weight without gradient has a gradient of zeros, which is what several processes give it.
        """
        if not self._pieces:
            return torch.zeros((), dtype=torch.float64)
        if self._fits(gradient) and in_pieces(self._pieces[0].device):
            products = [
                torch.dot(torch.cat([gradient[i].flatten() for i in places]), piece)
                for piece, places in zip(self._pieces, self._places, strict=True)
            ]
        else:
            kept = self.values()
            products = [torch.dot(value.flatten(), kept[i].flatten()) for i, value in gradient.items() if i in kept]
        return torch.stack(products).sum(dtype=torch.float64) if products else torch.zeros((), dtype=torch.float64)

    def keep(self, gradient: Mapping[int, Tensor], norm: float) -> None:
        """Take a gradient in the place of the one before."""
        if not self._fits(gradient):
            self._shapes = {i: value.shape for i, value in gradient.items()}
            self._places, size = [], 0
            for i, shape in self._shapes.items():
                if not self._places or size + shape.numel() > PIECE:
                    self._places.append([])
                    size = 0
                self._places[-1].append(i)
                size += shape.numel()
            sizes = [sum(self._shapes[i].numel() for i in places) for places in self._places]
            self._pieces = [gradient[places[0]].new_empty(n) for places, n in zip(self._places, sizes, strict=True)]
        for piece, places in zip(self._pieces, self._places, strict=True):
            torch.cat([gradient[i].flatten() for i in places], out=piece)
        self.norm = norm if gradient else None

    def _fits(self, gradient: Mapping[int, Tensor]) -> bool:
        return self._shapes == {i: value.shape for i, value in gradient.items()}
