"""Decoding that goes on from kept keys and values; prompts without any are read apart, and all go on together.

For decoder-only families whose memory is keys and values of all tokens (`Roads.prefix`). Tokens are chosen as
`jsarag.models.decode` does, of one beam a question; a row that is over leaves the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from jsarag.models.batching import by_length, overhead
from jsarag.models.decode import Batch, Generated, text_of
from jsarag.models.generator.logits import logits_at
from jsarag.models.prefix import cache_argument
from jsarag.models.prefix_cache import Layers, PrefixCache
from jsarag.models.search import Search
from jsarag.types import InputError


class Rows(NamedTuple):
    """Texts that a model is in the middle of, padded on the left.

    Attributes:
        logits: ``[rows, vocabulary]`` of the next token.
        mask: ``[rows, width]`` 1 where a token was read, 0 at padding.
        layers: Keys and values ``[rows, heads, width, dimensions]``.
    """

    logits: Tensor
    mask: Tensor
    layers: Layers


def decode_from(
    model: Any,
    tokenizer: Any,
    batch: Batch,
    stable: Sequence[int],
    kept: PrefixCache,
    search: Search,
    room: int,
    *,
    stops: Sequence[int],
    budget: int,
    heed: Callable[[int, int], bool] | None = None,
) -> tuple[list[list[Generated]], int]:
    """The answer to each mixture, and how many tokens that took; arguments and results as of `decode`.

    Args:
        model: A language model of transformers.
        tokenizer: Its tokenizer.
        batch: What to decode.
        stable: How many of the first tokens of each prompt, in order, are worth keeping for others.
        kept: What is known of earlier prompts; what is read here is added.
        search: How tokens are chosen, of one beam.
        room: Longest answer, in tokens.
        stops: Tokens any of which ends an answer.
        budget: Tokens that are read at once.
        heed: As of `decode`.
    """
    answers, parts = batch.log_weights.shape
    rows, read = _begin(model, [row for rows in batch.contexts for row in rows], stable, kept, budget)
    noise = [search.noise(x, "answer") for x in batch.xs]
    weights = batch.log_weights.to(rows.logits.device)
    said: list[list[int]] = [[] for _ in range(answers)]
    totals = [0.0] * answers
    left = list(range(answers))
    while True:
        log_probs = rows.logits.float().log_softmax(-1).view(len(left), parts, -1)
        log_probs = (log_probs + weights[left, :, None]).logsumexp(1) if parts > 1 else log_probs[:, 0]
        chosen = search.judge(log_probs[:, None], [noise[i] for i in left]).topk(1).indices[:, 0]
        found = log_probs.gather(-1, chosen)[:, 0].tolist()
        going: list[int] = []
        for row, (i, (token,), value) in enumerate(zip(left, chosen.tolist(), found, strict=True)):
            if math.isnan(value):
                raise InputError(f"generator.model: its scores of answers to {batch.xs[i][:60]!r} are not numbers")
            said[i].append(token)
            totals[i] += value
            heeded = heed is not None and heed(i, token)
            if not heeded and token not in stops and len(said[i]) < room:
                going.append(row)
        if not going:
            break
        if len(going) < len(left):
            rows = _chosen(rows, [row * parts + part for row in going for part in range(parts)])
            left, chosen = [left[row] for row in going], chosen[going]
        ids = chosen.repeat_interleave(parts, 0)
        rows = _read(model, rows.layers, torch.cat([rows.mask, torch.ones_like(ids)], 1), ids)
    read += parts * sum(map(len, said))
    results = [
        [Generated(text_of(tokenizer, row, stops), total, row[-1] in stops)]
        for row, total in zip(said, totals, strict=True)
    ]
    return results, read


def _begin(
    model: Any, contexts: list[list[int]], stable: Sequence[int], kept: PrefixCache, budget: int
) -> tuple[Rows, int]:
    """All prompts read, those with about as many new tokens together; and how many tokens that took."""
    device = next(model.parameters()).device
    known = [kept.longest(context) for context in contexts]
    new = [len(context) - length for context, (length, _) in zip(contexts, known, strict=True)]
    groups = by_length(range(len(contexts)), lambda i: new[i], budget, overhead(device))
    read: list[Rows] = []
    for group in groups:
        before = max(known[i][0] for i in group)
        width = max(new[i] for i in group)
        layers = _side_by_side([known[i] for i in group], before)
        mask, ids = torch.zeros(len(group), before + width), torch.zeros(len(group), width)
        for row, i in enumerate(group):
            mask[row, before - known[i][0] : before] = 1
            mask[row, -new[i] :] = 1
            ids[row, -new[i] :] = torch.tensor(contexts[i][known[i][0] :])
        rows = _read(model, layers, mask.long().to(device), ids.long().to(device))
        for row, i in enumerate(group):
            if known[i][0] < stable[i]:
                own = rows.mask[row].nonzero()[: stable[i], 0]
                kept.keep(contexts[i][: stable[i]], [(k[row][:, own], v[row][:, own]) for k, v in rows.layers])
        read.append(rows)
    place = torch.tensor([i for group in groups for i in group]).argsort().tolist()
    return _chosen(_together(read), place), sum(new)


def _read(model: Any, layers: Layers, mask: Tensor, ids: Tensor) -> Rows:
    """What follows ``layers`` read: tokens ``ids[rows, new]``, ``mask`` being that of old and new."""
    from transformers.cache_utils import DynamicCache

    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    cache = DynamicCache(layers) if layers else DynamicCache(config=inner.config)
    height, width = ids.shape
    inputs = {
        "input_ids": ids,
        "attention_mask": mask,
        "position_ids": (mask.cumsum(-1) - 1).clamp(min=0)[:, -width:],
        "use_cache": True,
        cache_argument(inner): cache,
    }
    logits = logits_at(model, [(row + 1) * width - 1 for row in range(height)], inputs).reshape(height, -1)
    return Rows(logits, mask, [(layer.keys, layer.values) for layer in cache.layers])  # type: ignore[misc, union-attr]


def _side_by_side(known: Sequence[tuple[int, Layers]], width: int) -> Layers:
    """The first so many tokens of each row's layers in one batch, their last ones at the right end."""
    if not width:
        return []
    some = next(layers for length, layers in known if length)
    found = []
    for depth, pair in enumerate(some):
        both = []
        for which, like in enumerate(pair):
            batch = like.new_zeros(len(known), like.shape[0], width, like.shape[2])
            for row, (length, layers) in enumerate(known):
                if length:
                    batch[row, :, width - length :] = layers[depth][which][:, :length]
            both.append(batch)
        found.append((both[0], both[1]))
    return found


def _together(some: Sequence[Rows]) -> Rows:
    """Rows of several batches as one."""
    if len(some) == 1:
        return some[0]
    width = max(rows.mask.shape[1] for rows in some)

    def padded(x: Tensor, rows: Rows, dim: int) -> Tensor:
        shape = list(x.shape)
        shape[dim] = width - rows.mask.shape[1]
        return torch.cat([x.new_zeros(shape), x], dim)

    layers = [
        (
            torch.cat([padded(rows.layers[depth][0], rows, 2) for rows in some]),
            torch.cat([padded(rows.layers[depth][1], rows, 2) for rows in some]),
        )
        for depth in range(len(some[0].layers))
    ]
    mask = torch.cat([padded(rows.mask, rows, 1) for rows in some])
    return Rows(torch.cat([rows.logits for rows in some]), mask, layers)


def _chosen(rows: Rows, chosen: Sequence[int]) -> Rows:
    """Some of the rows, in this order, without padding that all of them share."""
    if list(chosen) == list(range(len(rows.mask))):
        return rows
    mask = rows.mask[chosen]
    first = int(mask.any(0).int().argmax())
    layers = [(keys[chosen, :, first:], values[chosen, :, first:]) for keys, values in rows.layers]
    return Rows(rows.logits[chosen], mask[:, first:], layers)
