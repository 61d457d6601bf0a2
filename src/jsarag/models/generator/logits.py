"""Logits where they are wanted alone, and the log-probabilities they give."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from jsarag.system.transfer import to_device


def logits_at(model: Any, positions: list[int], inputs: dict[str, Any]) -> Tensor:
    """Logits at flat ``positions`` of a batch of texts ``[texts, width]``, whatever a family does to them afterwards.

    Most tokens are prompt, whose logits nobody reads: an output head that is a layer of its own, and is called once on
    all hidden states, sees those of the positions alone, as ``[tokens, hidden]``.
    """
    shape = inputs.get("decoder_input_ids", inputs["input_ids"]).shape
    index = to_device(positions, inputs["input_ids"].device)
    seen: list[tuple[int, ...]] = []

    def gather(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        seen.append(tuple(args[0].shape[:-1]))
        return (args[0].flatten(0, 1).index_select(0, index), *args[1:]) if seen == [tuple(shape)] else args

    head = model.get_output_embeddings()
    handle = head.register_forward_pre_hook(gather) if head is not None else None
    try:
        logits: Tensor = model(**inputs).logits
    finally:
        if handle:
            handle.remove()
    gathered = seen == [tuple(shape)]
    return logits if gathered else logits.reshape(shape.numel(), -1).index_select(0, index)


def log_probs(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """``[tokens]`` log-probabilities of ``targets`` under ``logits``, whatever leading axes of size 1 a bias added."""
    flat = logits.reshape(len(targets), -1).float()
    return -nn.functional.cross_entropy(flat if temperature == 1 else flat / temperature, targets, reduction="none")
