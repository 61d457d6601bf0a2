"""An encoder of one's own: a module of PyTorch that turns texts into vectors."""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from jsarag.models.checks import check_alike
from jsarag.models.encoder.encoder import Task
from jsarag.models.fingerprint import add_weights
from jsarag.models.similarity import Similarity
from jsarag.types import Passage

FILE = "model.safetensors"


class ModuleEncoder(nn.Module, ABC):
    """Give `embed`, and the rest follows; what else differs is overridden.

    Queries, pairs and passages are embedded alike, as x, ``x y`` and ``title. text``, unless the methods for them are
    overridden; vectors are compared by inner product with scale 1, unless the attributes say otherwise.

        class Bag(jsarag.ModuleEncoder):
            def __init__(self):
                super().__init__()
                self.words = torch.nn.EmbeddingBag(10_000, 64)

            def embed(self, texts):
                rows = [[zlib.crc32(w.encode()) % 10_000 for w in text.lower().split()] or [0] for text in texts]
                starts = torch.tensor([0, *map(len, rows)]).cumsum(0)[:-1]
                return self.words(torch.tensor([w for row in rows for w in row]), starts)
    """

    similarity: Similarity = "dot"
    scale: float = 1.0

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Tensor:
        """``[texts, dimensions]``, float32, with gradient where it is enabled."""

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.parameters()).device

    @cached_property
    def dimensions(self) -> int:
        """Of the vectors."""
        with torch.no_grad():
            return self.embed(["text"]).shape[-1]

    def embed_queries(self, xs: Sequence[str]) -> Tensor:
        """e(x): ``[texts, dimensions]``."""
        return self.embed(xs)

    def embed_pairs(self, xs: Sequence[str], ys: Sequence[str]) -> Tensor:
        """e(x, y): ``[pairs, dimensions]``."""
        return self.embed([f"{x} {y}" for x, y in zip(xs, ys, strict=True)])

    def embed_passages(self, passages: Sequence[Passage], *, progress: Callable[[int], None] | None = None) -> Tensor:
        """e(h): ``[passages, dimensions]``."""
        vectors = self.embed([f"{h.title}. {h.text}" if h.title else h.text for h in passages])
        if progress:
            progress(len(passages))
        return vectors

    def trained(self, task: Task | None = None) -> dict[str, nn.Parameter]:
        """All parameters, whatever the task."""
        return {name: weight for name, weight in self.named_parameters() if weight.requires_grad}

    def fingerprint(self) -> str:
        """Hash of the class's name and the weights."""
        digest = hashlib.sha256(type(self).__qualname__.encode())
        add_weights(digest, self.state_dict())
        return digest.hexdigest()[:16]

    def copy(self) -> ModuleEncoder:
        """An independent encoder with the same weights."""
        return copy.deepcopy(self)

    def save(self, folder: str | Path) -> None:
        """Write the weights as safetensors."""
        folder = Path(folder)
        folder.mkdir()
        save_file({name: weight.contiguous() for name, weight in self.state_dict().items()}, folder / FILE)

    def load(self, folder: str | Path) -> None:
        """Take over the weights that `save` wrote; errors as of `Encoder.load`."""
        saved = load_file(Path(folder) / FILE)
        check_alike(saved, self.state_dict(), str(folder))
        self.load_state_dict(saved)
