"""Cutting the start of tokenised texts, so that what stands before it stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def without_start(features: dict[str, Any], heads: Sequence[Sequence[int]], limit: int) -> dict[str, Any]:
    """Cut padded texts to ``limit`` tokens: the head of each stays, what follows the head loses its start.

    Args:
        features: ``input_ids`` and ``attention_mask`` ``[texts, tokens]``, and others; those of the same shape are cut
            alike.
        heads: Of each text the tokens of its head, read as a text alone.
        limit: Tokens that stay.

    Returns:
        The features, ``[texts, at most limit]``, padded on the side where they were padded.
    """
    ids, real = features["input_ids"], features["attention_mask"].bool()
    width = min(limit, int(real.sum(-1).max()))
    columns = []
    for row, head, mask in zip(ids, heads, real, strict=True):
        kept = mask.nonzero()[:, 0]
        if len(kept) > limit:
            text = row[kept].tolist()
            start = min(_shared(text, head), max(limit - _shared(text[::-1], head[::-1]), 0))
            kept = kept[[*range(start), *range(start + len(kept) - limit, len(kept))]]
        padding = (~mask).nonzero()[: width - len(kept), 0]
        columns.append(torch.cat([kept, padding]).sort().values)
    index = torch.stack(columns)
    return {
        name: value.gather(1, index) if isinstance(value, Tensor) and value.shape == ids.shape else value
        for name, value in features.items()
    }


def _shared(a: Sequence[int], b: Sequence[int]) -> int:
    """How many items two sequences begin with alike."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
