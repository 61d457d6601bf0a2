"""An encoder that counts letters: vectors that can be told by hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import jsarag


class Letters(jsarag.ModuleEncoder):
    """How often each of the first ``size`` letters stands in a text."""

    def __init__(self, size: int = 26) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size))

    def embed(self, texts: Sequence[str]) -> Tensor:
        counts = [[float(text.count(chr(97 + i))) for i in range(len(self.weight))] for text in texts]
        return torch.tensor(counts) * self.weight
