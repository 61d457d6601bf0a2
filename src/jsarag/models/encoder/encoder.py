"""What an encoder is to the rest of the code; any object that offers this is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from jsarag.models.sentence import Task as Task  # noqa: PLC0414 - offered here as well
from jsarag.models.similarity import Similarity
from jsarag.types import Passage


class Encoder(Protocol):
    """From texts to vectors; `SentenceEncoder` is the one for models of sentence-transformers.

    Attributes:
        similarity: How its vectors are compared, ``cosine`` or ``dot``.
        scale: The s of softmax( s <e(h), e(x)> ).
    """

    similarity: Similarity
    scale: float

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""

    @property
    def dimensions(self) -> int:
        """Of the vectors."""

    def embed_queries(self, xs: Sequence[str]) -> Tensor:
        """e(x): ``[texts, dimensions]``, float32, with gradient where it is enabled."""

    def embed_pairs(self, xs: Sequence[str], ys: Sequence[str]) -> Tensor:
        """e(x, y): ``[pairs, dimensions]``, float32, with gradient where it is enabled."""

    def embed_passages(self, passages: Sequence[Passage], *, progress: Callable[[int], None] | None = None) -> Tensor:
        """e(h): ``[passages, dimensions]``, float32; ``progress`` is told the size of each finished batch."""

    def trained(self, task: Task | None = None) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name; of one task: those that its texts go through."""

    def fingerprint(self) -> str:
        """Hash of all that changes a passage's vector."""

    def copy(self) -> Encoder:
        """An independent encoder with the same weights."""

    def save(self, folder: Path) -> None:
        """Write the weights into a new folder, as the encoder's own library opens it."""

    def load(self, folder: Path) -> None:
        """Take over the weights that `save` wrote.

        Raises:
            InputError: another model wrote them, or a weight is not finite.
        """
