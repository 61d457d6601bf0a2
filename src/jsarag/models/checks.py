"""Refuses models that are broken: weights that are not numbers or are missing, texts that all read alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from jsarag.types import InputError

SHOWN = 3
"""Names of weights in an error."""
PROBES = ("0", "7", "a", "the", "lamp", "да", "是")
"""Words of which every tokenizer tells at least two apart."""


def check_alike(saved: Mapping[str, Tensor], own: Mapping[str, Tensor], where: str) -> None:
    """Refuse weights that a model cannot take over: other names or shapes than its own, or numbers that are not finite.

    Raises:
        InputError: the weights in ``where`` are those of another model.
    """
    if {name: weight.shape for name, weight in saved.items()} != {name: weight.shape for name, weight in own.items()}:
        raise InputError(f"{where}: holds other weights than this run's models and objective train")
    check_finite(saved, where)


def check_finite(tensors: Mapping[str, Tensor], where: str) -> None:
    """Refuse tensors that hold NaN or infinity.

    Args:
        tensors: By name.
        where: The option or file they come from, for the error.

    Raises:
        InputError: the first that does.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.itemsize > 1 and not tensor.isfinite().all():
            raise InputError(f"{where}: expected finite numbers; {name} holds NaN or infinity")


def check_whole(missing: Collection[str], expected: int, where: str) -> None:
    """Refuse a model some of whose weights are not in its files: transformers draws them at random.

    Args:
        missing: Their names.
        expected: How many weights the model has.
        where: The option and the model, for the error.

    Raises:
        InputError: there are any.
    """
    if missing:
        names = ", ".join(sorted(missing)[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
        raise InputError(
            f"{where}: expected all weights in its files; {len(missing)} of {expected} are missing or have another "
            f"size: {names}"
        )


def masked(config: Any) -> bool:
    """Whether a family of transformers is one of encoders too, so that only its settings make it a decoder."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES


@torch.no_grad()
def check_causal(model: Any, where: str) -> None:
    """Refuse a decoder-only model that sees the tokens which follow: it is an encoder, such as BERT.

    Raises:
        InputError: scores after a text's beginning depend on its end.
    """
    texts = torch.tensor([[5, 6, 7, 8], [5, 6, 8, 7]], device=next(model.parameters()).device)
    first, second = model(input_ids=texts, use_cache=False).logits[:, :2].float()
    if not torch.allclose(first, second, rtol=1e-3, atol=1e-4):
        raise InputError(
            f"{where}: expected a model that generates text, decoder-only or encoder-decoder; this one "
            f"({model.config.model_type}) is an encoder, whose tokens see those that follow"
        )
