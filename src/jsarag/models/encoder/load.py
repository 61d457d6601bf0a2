"""From a configuration to an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import torch
from accelerate import Accelerator

from jsarag.models import hub, sentence
from jsarag.models.checks import check_whole
from jsarag.models.encoder.config import EncoderConfig
from jsarag.models.encoder.encoder import Task
from jsarag.models.encoder.sentence_encoder import SentenceEncoder
from jsarag.models.precision import compute_dtype
from jsarag.models.quiet import quiet
from jsarag.models.resolve import BROKEN, check_sizes, not_loadable, resolve
from jsarag.types import InputError


def load_encoder(
    config: EncoderConfig | str | None = None, device: torch.device | str | None = None
) -> SentenceEncoder:
    """Load an encoder.

    Args:
        config: The model with its settings, or its name alone; default: all-MiniLM-L6-v2.
        device: Where to; default: the GPU where there is one.

    Raises:
        InputError: there is no such model, weights are missing in its files, a weight is not finite, all texts have
            one vector, its vectors are compared by a distance, or ``max_length`` is more than it can read.
    """
    from sentence_transformers import SentenceTransformer

    config = EncoderConfig(config) if isinstance(config, str) else config or EncoderConfig()
    device = torch.device(device or Accelerator().device)
    path = hub.place(resolve(config.model, "encoder.model"), "encoder.model")
    check_sizes(Path(path), config.model, "encoder.model")
    try:
        # Weights of another size are then among those that were not found, and named.
        kwargs = {"dtype": torch.float32, "ignore_mismatched_sizes": True}
        with quiet():
            model = SentenceTransformer(path, device=str(device), model_kwargs=kwargs).float()
    except BROKEN as error:
        raise not_loadable(config.model, "encoder.model", error) from None
    for name, weight in model.named_parameters():
        if not weight.sum().isfinite() and not weight.isfinite().all():
            raise InputError(f"encoder.model: {config.model} holds a number that is not finite, in {name}")
    if not model.module_kwargs:
        # A plain transformers model. Such models (DPR) are made for the inner product; the library would guess cosine.
        model.similarity_fn_name = "dot"
    _shorten(model, config)
    encoder = SentenceEncoder(config, model, compute_dtype(config.precision, device))
    _check_vectors(encoder)
    return encoder


def _check_vectors(encoder: SentenceEncoder) -> None:
    """Refuse a model that gives all texts one vector, or vectors that depend on weights which its files lack."""
    where = f"encoder.model: {encoder.config.model}"
    lost = sentence.unfilled(encoder.model)
    missing: set[str] = set()
    for task in get_args(Task):
        try:
            with torch.set_grad_enabled(bool(lost)):
                vectors = encoder.probe(task)
        except Exception as error:  # a tokenizer without its files may raise anything
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{where}: cannot embed a text, are its tokenizer's files whole? {reason}") from None
        if torch.allclose(vectors, vectors[:1].expand_as(vectors), rtol=1e-4, atol=1e-6):
            raise InputError(f"{where}: gives all texts one vector; expected its tokenizer's files beside its weights")
        if lost:
            # A pooler, which most checkpoints lack, is in no vector.
            found = torch.autograd.grad(vectors.square().sum(), list(lost.values()), allow_unused=True)
            missing |= {name for name, gradient in zip(lost, found, strict=True) if gradient is not None}
    check_whole(missing, len(encoder.trained()), where)


def _shorten(model: Any, config: EncoderConfig) -> None:
    """Set the longest text in tokens, at most what the model can read."""
    readers = sentence.readers(model)
    if config.max_length is not None and not readers:
        raise InputError(f"encoder.max_length: expected null for {config.model}, which reads texts of any length")
    for reader in readers:
        most = sentence.positions(reader.model)
        if most is not None and config.max_length is not None and config.max_length > most:
            raise InputError(
                f"encoder.max_length: expected at most the {most} tokens that {config.model} can read, "
                f"got {config.max_length}"
            )
        sentence.shorten(reader, config.max_length, most)
