"""The truth for every quicker road: unpadded forward passes of transformers, one text at a time and without a cache."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tests.families.build import EOS

NO_TRUTH = {
    "bigbird_pegasus": "its attention becomes another one for good once a text is short",
    "xlm": "puts a mask token after the text to tell the next one",
}
"""Families of which a plain pass says nothing, and why."""


@torch.no_grad()
def plain(model: Any, context: list[int], answer: list[int]) -> float:
    """log p(answer | context) in nats.

    Args:
        model: A language model of transformers, float32, in eval mode; decoder-only or encoder-decoder.
        context: Tokens that are read; of an encoder-decoder, by its encoder.
        answer: Tokens that are scored, the end token last: families like mBART begin with it where they shift the
            answer to the right, as every encoder-decoder does itself here.
    """
    if model.config.is_encoder_decoder:
        labels = torch.tensor([answer])
        shifted = {"labels": labels}
        if model.config.model_type == "fsmt":  # It alone leaves the shift to its caller.
            shifted = {"decoder_input_ids": model.prepare_decoder_input_ids_from_labels(labels)}
        logits = model(input_ids=torch.tensor([context]), use_cache=False, **shifted).logits[0]
    else:
        # The last token predicts nothing, but a model is given the whole text.
        logits = model(input_ids=torch.tensor([context + answer]), use_cache=False).logits[0, len(context) - 1 : -1]
    return total(logits, answer)


@torch.no_grad()
def greedy(model: Any, context: list[int], tokens: int) -> list[int]:
    """The likeliest next token, so many times or until the end token, which stands last."""
    answer: list[int] = []
    while len(answer) < tokens and answer[-1:] != [EOS]:
        if model.config.is_encoder_decoder:
            decoder = torch.tensor([[start(model), *answer]])
            logits = model(input_ids=torch.tensor([context]), decoder_input_ids=decoder, use_cache=False).logits
        else:
            logits = model(input_ids=torch.tensor([context + answer]), use_cache=False).logits
        answer.append(int(logits[0, -1].argmax()))
    return answer


def start(model: Any) -> int:
    """What the decoder of an encoder-decoder begins with: its configuration says so, or its generation's."""
    token = getattr(model.config, "decoder_start_token_id", None)
    generation = model.generation_config
    return int(next(t for t in (token, generation.decoder_start_token_id, generation.bos_token_id) if t is not None))


def total(logits: Tensor, answer: list[int]) -> float:
    """Log-probability of ``answer`` in nats, from ``[at least its tokens, vocabulary]``."""
    rows = logits[: len(answer)].float().log_softmax(-1)
    return float(rows.gather(-1, torch.tensor(answer)[:, None]).sum())
