"""An encoder of one's own, a plain module of PyTorch, trained with a language model that needs no change.

python examples/own_encoder.py
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

import jsarag

WORDS = 4096


class BagOfWords(jsarag.ModuleEncoder):
    """The mean of the vectors of a text's words; a word's vector is found by its hash."""

    similarity = "cosine"
    scale = 20.0

    def __init__(self) -> None:
        """Random vectors."""
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.EmbeddingBag(WORDS, 64)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """``[texts, 64]``."""
        rows = [[zlib.crc32(word.encode()) % WORDS for word in text.lower().split()] or [0] for text in texts]
        starts = torch.tensor([0, *map(len, rows)]).cumsum(0)[:-1]
        vectors: Tensor = self.words(torch.tensor([word for row in rows for word in row]), starts)
        return vectors


passages = [{"text": f"The {colour} lamp stands in room {room}."} for room, colour in enumerate(["red", "blue", "old"])]
pairs = [
    {"input": f"Where is the {colour} lamp?", "outputs": [f"room {i}"]} for i, colour in enumerate(["red", "blue"])
]

models = jsarag.Models.of(BagOfWords(), jsarag.load_generator())
kb = jsarag.KnowledgeBase.build(passages, models.prior)
optim = jsarag.OptimConfig(lr_prior=1e-2, lr_posterior=1e-2)
settings = jsarag.Settings(loop=jsarag.LoopConfig(epochs=10, batch_size=2), optim=optim)
jsarag.Trainer(models, kb, pairs, jsarag.objectives.JSA(k=2), settings).run()

pipeline = jsarag.Pipeline(models.prior, kb, models.generator, jsarag.DecodingConfig(passages=1))
print(pipeline.ask("Where is the red lamp?"))
