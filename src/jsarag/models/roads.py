"""Which quick roads to a score give a family's plain score; a family that nobody has tried takes the plain one.

The plain score is that of one unpadded forward pass of transformers over one text. ``tests/families`` compares each
road with it, a tiny model of each family at a time; docs/models.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BY_LENGTH = frozenset({"dynamic", "longrope"})
"""Ways to stretch rotary positions by the longest text of a batch: what stands beside a text would change its score."""


@dataclass(frozen=True)
class Roads:
    """Quick roads that a model's family fits.

    Attributes:
        padded: Texts of several lengths in one batch, padded on the right. Else a batch holds texts of one length.
        prefix: Keys and values of what prompts begin with alike are computed once.
        cached: Decoding goes on from keys and values, with prompts of several lengths in one batch. Else each text is
            read from its beginning for every token.
    """

    padded: bool
    prefix: bool
    cached: bool


def roads(config: Any) -> Roads:
    """The roads for a configuration of transformers."""
    text = config.get_text_config()
    stretched = getattr(text, "rope_parameters", None) or {}
    kinds = {stretched.get("rope_type"), *(v.get("rope_type") for v in stretched.values() if isinstance(v, dict))}
    if kinds & BY_LENGTH:
        return Roads(padded=False, prefix=False, cached=False)
    family = text.model_type if not config.is_encoder_decoder else config.model_type
    return Roads(padded=family in PADDED, prefix=family in PREFIX, cached=family in CACHED)


PADDED = frozenset({"llama"})
PREFIX = frozenset({"llama"})
CACHED = frozenset({"llama"})
