"""Prompts that begin alike: the keys and values of their common beginning are computed once.

All prompts of a chat model share its system turn, and where a template puts the input before the passage, those of one
input share the input as well. Decoder-only models alone: in an encoder every token sees what follows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any, NamedTuple

import torch
from torch import Tensor

from jsarag.system.transfer import to_device

LEAST_SAVING = 0.05
"""Share of all tokens below which it is not worth while."""


class Prefixes(NamedTuple):
    """Distinct beginnings, and which of them each prompt starts with.

    Attributes:
        tokens: The beginnings; each at least one token shorter than any prompt that starts with it.
        of: By prompt, the position of its beginning.
    """

    tokens: list[list[int]]
    of: list[int]


def shared(prompts: Sequence[Sequence[int]], xs: Sequence[str], overhead: int = 0) -> Prefixes | None:
    """The beginnings that save most tokens: one for all prompts, or one for each input x; None where few are saved.

    Args:
        prompts: Their tokens.
        xs: The input in each.
        overhead: What reading the beginnings costs beside their tokens, in tokens.
    """
    groups: dict[str, list[int]] = {}
    for i, x in enumerate(xs):
        groups.setdefault(x, []).append(i)
    whole = sum(map(len, prompts))
    best, least = None, min((1 - LEAST_SAVING) * whole, whole - overhead)
    for members in ([list(range(len(prompts)))], list(groups.values())):
        tokens = [_common([prompts[i] for i in group]) for group in members]
        of = [0] * len(prompts)
        for g, group in enumerate(members):
            for i in group:
                of[i] = g
        left = sum(map(len, tokens)) + sum(len(p) - len(tokens[g]) for p, g in zip(prompts, of, strict=True))
        # A model reads nothing from a beginning without tokens.
        if left <= least and all(tokens):
            best, least = Prefixes(tokens, of), left
    return best


def _common(prompts: Sequence[Sequence[int]]) -> list[int]:
    length = min(map(len, prompts)) - 1
    first = prompts[0]
    for other in prompts[1:]:
        length = next((t for t in range(length) if first[t] != other[t]), length)
    return list(first[: max(length, 0)])


class Past:
    """Keys and values of prefixes, from which a model goes on.

    Attributes:
        prefixes: The beginnings and which prompt has which.
    """

    def __init__(self, prefixes: Prefixes, layers: list[tuple[Tensor, Tensor]], argument: str) -> None:
        """Keep ``layers``: keys and values ``[prefixes, heads, longest, dimensions]`` each; use `read`."""
        self.prefixes = prefixes
        self._layers = layers
        self._argument = argument

    @classmethod
    def read(cls, model: Any, prefixes: Prefixes, device: torch.device) -> Past | None:
        """Run the prefixes through ``model``, whose family fits this road; None where it kept nothing."""
        from transformers.cache_utils import DynamicCache, DynamicLayer

        cache = DynamicCache(config=model.config)
        width = max(map(len, prefixes.tokens))
        # Padding stands on the right: no real token sees it here, and `arguments` masks it.
        ids = to_device([tokens + [0] * (width - len(tokens)) for tokens in prefixes.tokens], device)
        argument = cache_argument(model)
        model.base_model(input_ids=ids, use_cache=True, **{argument: cache})
        kept = [layer for layer in cache.layers if isinstance(layer, DynamicLayer)]
        layers = [(y.keys, y.values) for y in kept if y.keys is not None and y.values is not None]
        return cls(prefixes, layers, argument) if len(layers) == len(cache.layers) else None

    def arguments(self, rows: Sequence[int], width: int) -> dict[str, Any]:
        """What a model needs beside the tokens ``[rows, width]`` that follow the prefixes of these prompts."""
        from transformers.cache_utils import DynamicCache

        device = self._layers[0][0].device
        chosen = [self.prefixes.of[row] for row in rows]
        counts = [len(self.prefixes.tokens[g]) for g in chosen]
        lengths, index, longest = to_device(counts, device), to_device(chosen, device), max(counts)
        layers = [(keys[index, :, :longest], values[index, :, :longest]) for keys, values in self._layers]
        arguments: dict[str, Any] = {
            self._argument: DynamicCache(layers),
            "position_ids": lengths[:, None] + torch.arange(width, device=device),
        }
        if min(counts) < longest:
            seen = torch.arange(longest, device=device) < lengths[:, None]
            after = torch.ones(len(chosen), width, dtype=torch.bool, device=device)
            arguments["attention_mask"] = torch.cat([seen, after], dim=1).long()
        return arguments


def cache_argument(model: Any) -> str:
    """What a model calls the keys and values it goes on from: transformers renames that, a model at a time."""
    return "cache" if "cache" in signature(model.forward).parameters else "past_key_values"
