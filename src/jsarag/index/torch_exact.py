"""Exact search as one matrix product, on the GPU where there is one."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from jsarag.index.exact import Exact, ExactIndex
from jsarag.index.index import Needs, Positions, Vectors

BLOCK = 262_144
"""Vectors that are compared at once: bounds the memory of the scores."""


@dataclass(frozen=True)
class Torch(Exact):
    """Every query meets every vector, on the GPU where there is one: exact, no settings."""

    name = "torch"

    def build(self, vectors: Vectors) -> TorchIndex:
        """Nothing is computed."""
        return TorchIndex(vectors)

    def needs(self, passages: int, dimensions: int) -> Needs:
        """The vectors, on the GPU where there is one."""
        size = 4 * passages * dimensions
        return Needs(0, 0, size) if torch.cuda.is_available() else Needs(size, 0)


class TorchIndex(ExactIndex):
    """The vectors lie on the device, in float32."""

    def __init__(self, vectors: Vectors) -> None:
        """Copy the vectors to the device; on a CPU they stay where they are."""
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._vectors = torch.from_numpy(vectors).to(self._device)

    @torch.inference_mode()
    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """Exact top k, block by block."""
        e = torch.from_numpy(queries).to(self._device)
        scores = torch.empty(len(queries), 0, device=self._device)
        positions = torch.empty(len(queries), 0, dtype=torch.int64, device=self._device)
        for first in range(0, len(self._vectors), BLOCK):
            block = e @ self._vectors[first : first + BLOCK].T
            best = block.topk(min(k, block.shape[1]))
            scores = torch.cat([scores, best.values], dim=1)
            positions = torch.cat([positions, best.indices + first], dim=1)
            kept = scores.topk(min(k, scores.shape[1]))
            scores, positions = kept.values, positions.gather(1, kept.indices)
        return scores.cpu().numpy(), positions.cpu().numpy()
