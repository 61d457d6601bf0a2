"""What a ``SentenceTransformer`` says about itself: prompts, routes, lengths. Its ``encode_*`` methods are the rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from torch import nn

Task = Literal["query", "document"]
"""What a text is: sentence-transformers chooses prompt, route and length by this word."""

_PROMPTS: dict[Task, tuple[str, ...]] = {"query": ("query",), "document": ("document", "passage", "corpus")}
"""Names of prompts that ``encode_query`` and ``encode_document`` look for, first come first served."""

_POSITION_TABLES = ("position_embeddings", "position_embedding", "wpe", "embed_positions")
"""What transformers calls a table of positions: a text with more tokens than it has rows cannot be read."""

TOKENISED = 1024
"""Texts that are tokenised at once to learn their lengths."""

_WHOLE: dict[str, Any] = {"truncation": False, "verbose": False}
_IDS: dict[str, Any] = {"return_attention_mask": False, "return_token_type_ids": False}


def prompt_of(model: Any, task: Task) -> str:
    """The text that ``encode_query`` or ``encode_document`` puts before each text; often empty."""
    named = next((name for name in _PROMPTS[task] if name in model.prompts), model.default_prompt_name)
    return model.prompts.get(named) or ""


def route(modules: Iterable[Any], task: Task) -> Iterator[Any]:
    """The modules that a text of this task goes through, in order; of a router those of the route it takes."""
    from sentence_transformers.sentence_transformer.modules import Router

    for module in modules:
        if isinstance(module, Router):
            ways: Any = module.sub_modules
            yield from route(ways[module._resolve_route(task, "text")], task)
        else:
            yield module


def reader(model: Any, task: Task) -> Any:
    """The module that tokenises a text of this task."""
    return next(route(model, task))


def readers(model: Any) -> list[Any]:
    """The transformers that tokenise texts of any task, each once; none in a model of word vectors."""
    found = {id(module): module for module in (reader(model, task) for task in _PROMPTS)}
    return list(filter(_is_transformer, found.values()))


def parts(model: Any) -> tuple[list[Any], list[Any]]:
    """The models of transformers in it, and all other layers with weights: dense layers, tables of word vectors."""
    transformers = [module.model for module in model.modules() if _is_transformer(module)]
    inside = {id(layer) for transformer in transformers for layer in transformer.modules()}
    return transformers, [m for m in model.modules() if id(m) not in inside and hasattr(m, "reset_parameters")]


def unfilled(model: Any) -> dict[str, nn.Parameter]:
    """Weights of its transformers, by name, that are not in their files: transformers has drawn them at random."""
    found: dict[str, nn.Parameter] = {}
    for inner in parts(model)[0]:
        computed = re.compile("|".join(inner._keys_to_ignore_on_load_missing or ()) or "(?!)")
        for name, weight in inner.named_parameters():
            # The mark that transformers puts on what it has read, so as not to draw it anew.
            if not getattr(weight, "_is_hf_initialized", False) and not computed.search(name):
                found[name] = weight
    return found


def limit(module: Any, task: Task) -> int | None:
    """Tokens after which a `reader` cuts a text of this task, None where it cuts nothing or not by tokens."""
    if not _is_transformer(module) or (task == "query" and module.query_expansion is not None):
        return None
    own = {"query": module.query_length, "document": module.document_length}[task]
    found: int | None = module.processing_kwargs.get("text", {}).get("max_length") or own or module.max_seq_length
    return found


def shorten(module: Any, wanted: int | None, most: int | None) -> None:
    """Let a transformer read ``wanted`` tokens (None: as many as it says), and never more than ``most``."""
    if wanted is None and most is not None and (module.max_seq_length or most + 1) > most:
        wanted = most
    if wanted is None:
        return
    module.max_seq_length = wanted
    for name in ("query_length", "document_length"):
        if getattr(module, name) is not None:
            setattr(module, name, min(getattr(module, name), wanted))


def positions(model: nn.Module) -> int | None:
    """The most tokens that a model of transformers can read; None without a table of positions (rotary, ALiBi, T5).

    RoBERTa and its kin number positions from the padding token's id on, so their tables have rows that no token uses.
    """
    tables = [
        table.num_embeddings - (getattr(table, "offset", None) or _first_position(table))
        for name, table in model.named_modules()
        if isinstance(table, nn.Embedding) and name.rpartition(".")[2] in _POSITION_TABLES
    ]
    return min(tables, default=None)


def _first_position(table: nn.Embedding) -> int:
    return 0 if table.padding_idx is None else table.padding_idx + 1


def lengths(model: Any, texts: Sequence[str], prompt: str, task: Task) -> list[int]:
    """Tokens of each text with its prompt, uncut; words where the model has no tokens of its own."""
    module = reader(model, task)
    found: list[int] = []
    for first in range(0, len(texts), TOKENISED):
        some = texts[first : first + TOKENISED]
        if is_plain(module):
            found += map(len, module.tokenizer([prompt + text for text in some], **_WHOLE, **_IDS)["input_ids"])
        elif _is_transformer(module):
            found += tokens(model, some, prompt, task, whole=True)["attention_mask"].sum(-1).tolist()
        else:
            found += [len((prompt + text).split()) for text in some]
    return found


def tokens(model: Any, texts: Sequence[str], prompt: str, task: Task, *, whole: bool = False) -> dict[str, Any]:
    """What the model reads of some texts, padded; ``whole``: of a transformer's texts nothing is cut."""
    kwargs: dict[str, Any] = {}
    if whole:
        # A chat template's road takes no other words.
        kwargs["processing_kwargs"] = {"text": _WHOLE if is_plain(reader(model, task)) else {"truncation": False}}
    return dict(model.preprocess(list(texts), prompt=prompt or None, task=task, **kwargs))


def _is_transformer(module: Any) -> bool:
    from sentence_transformers.sentence_transformer.modules import Transformer

    return isinstance(module, Transformer)


def is_plain(module: Any) -> bool:
    """Whether a text goes to a tokenizer as it is, not through a chat template or another kind of processor."""
    return _is_transformer(module) and "message" not in module.modality_config and module.tokenizer is module.processor
