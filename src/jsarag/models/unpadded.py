"""Decoding for families whose memory or positions do not bear padding: each text is read from its beginning, alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch import Tensor


@contextmanager
def unpadded(model: Any, contexts: Sequence[list[int]], width: int, *, stretched: bool) -> Iterator[None]:
    """Within the block the forward pass of ``model``, as `generate` calls it without a cache, reads no padding.

    It costs a forward pass over the whole text for every token.

    Args:
        model: A language model of transformers.
        contexts: The prompts that `generate` is given, in its order.
        width: To how many tokens they are padded.
        stretched: Whether the model's positions stretch with the longest text since the last short one.
    """
    from transformers.modeling_outputs import CausalLMOutput

    own, patched = model.forward, vars(model).get("forward")
    two_part = bool(model.config.is_encoder_decoder)

    @wraps(own)
    def forward(*, input_ids: Tensor | None = None, decoder_input_ids: Tensor | None = None, **_: Any) -> Any:
        ids = decoder_input_ids if two_part else input_ids
        assert ids is not None
        beams = len(ids) // len(contexts)
        begun = [row if two_part else row[width:] for row in ids.tolist()]
        texts = [(contexts[i // beams], row) for i, row in enumerate(begun)]
        logits: dict[int, Tensor] = {}
        for length in sorted({len(context) for context, _ in texts}):
            group = [i for i, (context, _) in enumerate(texts) if len(context) == length]
            read = [texts[i] for i in group]
            if two_part:
                inputs = {"input_ids": [c for c, _ in read], "decoder_input_ids": [row for _, row in read]}
            else:
                inputs = {"input_ids": [c + row for c, row in read]}
            tensors = {name: torch.tensor(rows, device=ids.device) for name, rows in inputs.items()}
            if stretched:
                forget_lengths(own, tensors["input_ids"])
            logits |= dict(zip(group, own(**tensors, use_cache=False).logits[:, -1:], strict=True))
        return CausalLMOutput(logits=torch.stack([logits[i] for i in range(len(texts))]))

    model.forward = forward
    try:
        yield
    finally:
        del model.forward
        if patched is not None:
            model.forward = patched


def forget_lengths(model: Any, ids: Tensor) -> None:
    """Let ``model``, whose positions stretch with the longest text it has read, read one token: it starts anew then."""
    model(input_ids=ids[:1, :1], use_cache=False)
