"""Which quicker roads give a family's plain score: ``python -m tests.families.roads [family ...]`` prints a table.

A road is ``ok`` where it differs from `reference.plain` by at most 1e-3 nats in every text, and decoding where every
answer is that of `reference.greedy`. Elsewhere the table shows by how much a score differs, how many answers are right,
or what was raised; ``-`` where the road asks for something that the family has not.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig
from transformers.cache_utils import DynamicCache, DynamicLayer
from transformers.utils import logging

from tests.families import causal, seq2seq
from tests.families.build import EOS, PAD, VOCABULARY
from tests.families.reference import greedy, plain, start, total

TOLERANCE = 1e-3
TOKENS = 12  # of an answer that is decoded


class Text(NamedTuple):
    """Tokens that are read, those that are scored, and how many of the first may be read beforehand."""

    context: list[int]
    answer: list[int]
    prefix: int = 0


class NotThere(Exception):
    """The family has not what a road asks for."""


def texts(lengths: Sequence[int], prefixes: Sequence[int]) -> list[Text]:
    """Texts of such lengths; those with prefixes of one length begin alike."""
    random = Random(0)

    def tokens(n: int) -> list[int]:
        return random.choices(range(EOS + 1, VOCABULARY), k=n)

    beginnings = {n: tokens(n) for n in prefixes}
    return [
        Text(beginnings[n] + tokens(length - n), [*tokens(2 + i), EOS], n)
        for i, (length, n) in enumerate(zip(lengths, prefixes, strict=True))
    ]


LENGTHS = (52, 95, 41, 78)
MIXED, ALIKE = texts(LENGTHS, (30, 30, 20, 20)), texts(LENGTHS, (30, 30, 30, 30))
EQUAL = [Text(text.context[:40], [*text.answer[:2], EOS]) for text in MIXED]


# Roads of decoder-only families.


def side_by_side(model: Any, some: list[Text], *, masked: bool = False) -> list[float]:
    """One batch, padded on the right; without a mask because no real token sees what follows."""
    ids, mask = _rectangle([text.context + text.answer for text in some])
    logits = model(input_ids=ids, use_cache=False, **({"attention_mask": mask} if masked else {})).logits
    return [total(row[len(t.context) - 1 :], t.answer) for row, t in zip(logits, some, strict=True)]


def left(model: Any, some: list[Text]) -> list[float]:
    """One batch, padded on the left, with its mask, and positions where the family takes them."""
    ids, mask = _rectangle([text.context + text.answer for text in some], left=True)
    arguments = {"input_ids": ids, "attention_mask": mask}
    if "position_ids" in signature(model.forward).parameters:
        arguments["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = model(**arguments, use_cache=False).logits
    return [total(row[-len(t.answer) - 1 :], t.answer) for row, t in zip(logits, some, strict=True)]


def masked(model: Any, some: list[Text]) -> list[float]:
    """One batch, padded on the right, with its mask."""
    return side_by_side(model, some, masked=True)


def head(model: Any, some: list[Text]) -> list[float]:
    """One text at a time; the output head sees the positions of the answer alone."""
    scores = []
    for text in some:
        ids = torch.tensor([text.context + text.answer])
        positions = torch.arange(len(text.context) - 1, ids.shape[1] - 1)
        logits = _only_at(model, positions, {"input_ids": ids})
        scores.append(total(logits, text.answer))
    return scores


def prefix(model: Any, some: list[Text]) -> list[float]:
    """Keys and values of the prefixes are computed once; prefixes of different length are padded on the right."""
    name = "cache" if "cache" in signature(model.forward).parameters else "past_key_values"
    if not {name, "position_ids"} <= {*signature(model.forward).parameters}:
        raise NotThere
    cache: Any = DynamicCache(config=model.config)
    if any(type(layer) is not DynamicLayer for layer in cache.layers):
        raise NotThere
    distinct = sorted({tuple(text.context[: text.prefix]) for text in some})
    model.base_model(input_ids=_rectangle(distinct)[0], use_cache=True, **{name: cache})
    of = torch.tensor([distinct.index(tuple(text.context[: text.prefix])) for text in some])
    lengths = torch.tensor([text.prefix for text in some])
    longest = int(lengths.max())
    layers = [(layer.keys[of], layer.values[of]) for layer in cache.layers]
    ids, _ = _rectangle([text.context[text.prefix :] + text.answer for text in some])
    positions = lengths[:, None] + torch.arange(ids.shape[1])
    arguments: dict[str, Any] = {name: DynamicCache(layers), "position_ids": positions}
    if int(lengths.min()) < longest:
        seen = torch.arange(longest) < lengths[:, None]
        arguments["attention_mask"] = torch.cat([seen, torch.ones_like(ids, dtype=torch.bool)], dim=1).long()
    logits = model(input_ids=ids, use_cache=False, **arguments).logits
    return [total(row[len(t.context) - t.prefix - 1 :], t.answer) for row, t in zip(logits, some, strict=True)]


# Roads of encoder-decoder families.


def padded(model: Any, some: list[Text]) -> list[float]:
    """One batch: inputs padded on the right, with their mask; answers padded on the right, without."""
    logits = model(**_inputs(model, some), use_cache=False).logits
    return [total(row, text.answer) for row, text in zip(logits, some, strict=True)]


def padded_head(model: Any, some: list[Text]) -> list[float]:
    """One text at a time with one more token in the decoder, which the output head does not see."""
    scores = []
    for text in some:
        inputs = _inputs(model, [Text(text.context, [*text.answer, PAD])])
        scores.append(total(_only_at(model, torch.arange(len(text.answer)), inputs), text.answer))
    return scores


# Decoding.


def decoded(model: Any, some: list[Text]) -> list[list[int]]:
    """Greedy continuations of contexts in one batch; padding stands on the left of a decoder, right of an encoder."""
    two_part = model.config.is_encoder_decoder
    ids, mask = _rectangle([text.context for text in some], left=not two_part)
    first = {"decoder_start_token_id": start(model)} if two_part else {}
    # The family's own settings may force tokens.
    settings = {"max_new_tokens": TOKENS, "eos_token_id": EOS, "pad_token_id": PAD, **first}
    plainly = GenerationConfig(**settings)  # type: ignore[no-untyped-call]
    model.generation_config = plainly
    found = model.generate(input_ids=ids, attention_mask=mask, generation_config=plainly)
    rows: list[list[int]] = found[:, 1 if two_part else ids.shape[1] :].tolist()
    return [row[: row.index(EOS) + 1] if EOS in row else row for row in rows]


def decoded_alone(model: Any, some: list[Text]) -> list[list[int]]:
    """Likewise, one context at a time."""
    return [decoded(model, [text])[0] for text in some]


Road = Callable[[Any, list[Text]], list[float]]
CAUSAL: dict[str, tuple[Road, list[Text]]] = {
    "batch, equal lengths": (side_by_side, EQUAL),
    "(a) right padding": (side_by_side, MIXED),
    "right padding, mask": (masked, MIXED),
    "left padding, mask": (left, MIXED),
    "(b) head": (head, MIXED),
    "(c) prefix, equal": (prefix, ALIKE),
    "(d) prefix, padded": (prefix, MIXED),
}
SEQ2SEQ: dict[str, tuple[Road, list[Text]]] = {
    "batch, equal lengths": (padded, EQUAL),
    "(a) right padding": (padded, MIXED),
    "(b) head": (padded_head, MIXED),
}


DECODING = {"decoding alone": decoded_alone, "(e) decoding": decoded}


@torch.no_grad()
def scoring(model: Any, road: Road, some: list[Text]) -> str:
    """What the table shows for one road."""
    apart = [plain(model, t.context, t.answer) - score for t, score in zip(some, road(model, some), strict=True)]
    return "ok" if max(map(abs, apart)) <= TOLERANCE else f"{max(map(abs, apart)):.2g}"


@torch.no_grad()
def decoding(model: Any, road: Callable[[Any, list[Text]], list[list[int]]]) -> str:
    """Likewise for decoding: how many of the answers are those of forward passes without a cache."""
    truth = [greedy(model, text.context, TOKENS) for text in MIXED]
    same = sum(a == b for a, b in zip(road(model, MIXED), truth, strict=True))
    return "ok" if same == len(truth) else f"{same} of {len(truth)}"


def cell(run: Callable[[], str]) -> str:
    """What ``run`` gives, or why it gives nothing."""
    try:
        return run()
    except NotThere:
        return "-"
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:60]}"


def table(names: Sequence[str]) -> None:
    """Print the outcome of every road for these families; for all, where none is named."""
    kinds: list[tuple[Any, Any, Any]] = [
        (causal.FAMILIES, AutoModelForCausalLM, CAUSAL),
        (seq2seq.FAMILIES, AutoModelForSeq2SeqLM, SEQ2SEQ),
    ]
    for families, auto, roads in kinds:
        print("| " + " | ".join(["family", *roads, *DECODING]) + " |")
        print("|" + " --- |" * (len(roads) + 3))
        for name, build in families.items():
            if names and name not in names:
                continue
            with tempfile.TemporaryDirectory() as folder:
                model = auto.from_pretrained(build(Path(folder))).eval()
            cells = [cell(partial(scoring, model, *road)) for road in roads.values()]
            cells += [cell(partial(decoding, model, road)) for road in DECODING.values()]
            print("| " + " | ".join([name, *cells]) + " |", flush=True)


def _rectangle(rows: Sequence[Sequence[int]], *, left: bool = False) -> tuple[Tensor, Tensor]:
    """Rows padded to one width, and where they are not padding."""
    width = max(map(len, rows))

    def fill(row: Sequence[int], value: int) -> list[int]:
        filling = [value] * (width - len(row))
        return [*filling, *row] if left else [*row, *filling]

    return torch.tensor([fill(row, PAD) for row in rows]), torch.tensor([fill([1] * len(row), 0) for row in rows])


def _inputs(model: Any, some: list[Text]) -> dict[str, Tensor]:
    """What an encoder-decoder reads."""
    ids, mask = _rectangle([text.context for text in some])
    decoder, _ = _rectangle([[start(model), *text.answer[:-1]] for text in some])
    return {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": decoder}


def _only_at(model: Any, positions: Tensor, inputs: dict[str, Tensor]) -> Tensor:
    """``[positions, vocabulary]`` logits, where the output head takes them, its input being ``[1, width, size]``."""
    layer = model.get_output_embeddings()
    if layer is None:
        raise NotThere
    calls = 0

    def keep(module: Any, arguments: tuple[Tensor]) -> Tensor:
        nonlocal calls
        calls += 1
        return arguments[0].flatten(0, -2)[positions]

    handle = layer.register_forward_pre_hook(keep)
    try:
        logits: Tensor = model(**inputs, use_cache=False).logits
    finally:
        handle.remove()
    if calls != 1:
        raise RuntimeError(f"head called {calls} times")
    if logits.flatten(0, -2).shape[0] != len(positions):
        raise RuntimeError(f"logits {[*logits.shape]}")
    return logits.flatten(0, -2)


if __name__ == "__main__":
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    warnings.simplefilter("ignore")
    table(sys.argv[1:])
