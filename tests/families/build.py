"""Builds a tiny model of any family from its configuration: random weights, saved beside the tests' tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import CONFIG_MAPPING

from tests import tiny

PAD, BOS, EOS = 0, 4, 5
VOCABULARY = 70
"""Tokens of the tests' tokenizer."""


class Builder(Protocol):
    """What makes one model of a family."""

    def __call__(self, folder: Path, seed: int = 0, tokenizer: Any = None) -> Path:
        """Save model and tokenizer into ``folder``.

        Args:
            folder: Where to; it is given back.
            seed: Of the weights.
            tokenizer: Another tokenizer than the tests' own; not with families whose settings name `VOCABULARY`.
        """


# What most families call alike. A family takes those it has; random weights are large, so that scores differ clearly.
COMMON = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "pad_token_id": PAD,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "initializer_range": 0.3,
    "init_std": 0.3,
}


def configuration(model_type: str, vocab_size: int, settings: Mapping[str, Any]) -> Any:
    """The family's configuration: its own defaults, then those of `COMMON` it knows, then ``settings``."""
    kind = CONFIG_MAPPING[model_type]
    known = {*kind.__dataclass_fields__, *kind.attribute_map}
    common = {name: value for name, value in COMMON.items() if name in known}
    # A copy: some configurations take the settings of their parts apart.
    return kind(**{"vocab_size": vocab_size, **common, **deepcopy(dict(settings))})


def builder(auto: Any, model_type: str, *shared: Mapping[str, Any], **settings: Any) -> Builder:
    """What makes such a model.

    Args:
        auto: A class of transformers with ``from_config``.
        model_type: The family, as its configuration calls itself.
        shared: What differs from `COMMON` and the family's defaults, as several families have it; the last counts.
        settings: What differs in this family; it counts before ``shared``.
    """

    own = {name: value for more in (*shared, settings) for name, value in more.items()}

    def build(folder: Path, seed: int = 0, tokenizer: Any = None) -> Path:
        special = {}
        if tokenizer is None:
            tokenizer = tiny.tokenizer(folder)
        else:
            tokenizer.save_pretrained(folder)
            special = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "bos", "eos")}
        torch.manual_seed(seed)
        config = configuration(model_type, len(tokenizer), {**special, **own})
        auto.from_config(config, dtype=torch.float32).save_pretrained(folder)
        return folder

    return build
