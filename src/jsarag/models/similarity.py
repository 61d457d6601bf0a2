"""How two vectors are compared: by inner product, or by cosine."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

Similarity = Literal["cosine", "dot"]
SIMILARITIES: tuple[Similarity, ...] = get_args(Similarity)


def comparable(vectors: Tensor, similarity: Similarity) -> Tensor:
    """``[..., dimensions]`` vectors whose inner product is the similarity of the given ones; keeps the gradient.

    For ``cosine`` the vectors get length 1 (a zero vector stays zero); for ``dot`` they stay as they are.
    """
    return nn.functional.normalize(vectors, dim=-1) if similarity == "cosine" else vectors
