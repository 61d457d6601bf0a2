"""An encoder of one's own: the smallest that is none of a library."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from jsarag.models import ModuleEncoder


class Words(ModuleEncoder):
    """The mean of vectors that words have."""

    def __init__(self, words: int = 97, dimensions: int = 8) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.EmbeddingBag(words, dimensions)

    def embed(self, texts: Sequence[str]) -> Tensor:
        rows = [[zlib.crc32(w.encode()) % self.words.num_embeddings for w in text.split()] or [0] for text in texts]
        starts = torch.tensor([0, *map(len, rows)]).cumsum(0)[:-1]
        vectors: Tensor = self.words(torch.tensor([word for row in rows for word in row]), starts)
        return vectors
