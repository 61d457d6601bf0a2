"""Which quick roads to a score give a family's plain score; a family that nobody has tried takes the plain one.

The plain score is that of one unpadded forward pass of transformers over one text. ``tests/families`` compares each
road with it, a tiny model of each family at a time; docs/models.md has the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import transformers


def _families(names: str) -> frozenset[str]:
    """Families as transformers' configurations call them."""
    return frozenset(names.split())


BEFORE_5_18 = tuple(int(part) for part in transformers.__version__.split(".")[:2]) < (5, 18)
AHEAD = _families("big_bird doge megatron-bert rembert roformer umt5")
"""Decoders that in transformers before 5.18 read the text that comes after a token."""

UNTRAINED = {"reformer": "its layers give a gradient only where dropout is on"}
if BEFORE_5_18:
    UNTRAINED |= dict.fromkeys(sorted(AHEAD), "it reads ahead in transformers before 5.18")
"""Families that cannot be trained as all others are, and why."""

STRETCHED = frozenset({"dynamic", "longrope"})
"""Ways to stretch rotary positions by the longest text of a batch, once it is longer than what the model learned on."""

SHARED = _families(
    """
    apertus apertus1p5_text arcee aria_text axk1 biogpt bitnet bloom codegen cohere ctrl dbrx deepseek_v2
    deepseek_v3 diffllama doge dots1 ernie4_5 ernie4_5_moe exaone falcon flex_olmo flint gemma glm glm4 glm4_moe
    glm4_moe_lite gpt2 gpt_bigcode gpt_neox gpt_neox_japanese gptj granite granitemoe granitemoeshared helium
    hrm_text hunyuan_v1_dense hunyuan_v1_moe hy_v3 hyperclovax internlm3 iquestcoder jais2 jetmoe laguna llama
    longcat_flash mellum minicpm3 minimax_m2 minimax_m3_vl_text ministral3 mistral mixtral nanochat nemotron
    olmo olmo2 olmoe opt persimmon phi phi3 phimoe qwen2 qwen2_moe qwen3 qwen3_moe sarvam_mla sarvam_moe
    seed_oss smollm3 solar_open stablelm xglm youtu
    """
)
"""Decoder-only families that fit every road."""

CACHED = _families(
    """
    afmoe axk2 bailing_hybrid bamba beam cohere2 cohere2_moe cwm exaone4 exaone_moe falcon_h1 falcon_mamba
    gemma2 gemma3_text gemma3n_text gemma4_text gemma4_unified_text gpt_neo gpt_oss granite_swa granitemoe_swa
    granitemoehybrid inkling2_loop_text inkling2_text inkling_text jamba kimi_linear kolibri1 lara_mini lfm2
    lfm2_moe lfm3 mamba mamba2 mimo_v2_flash ministral modernbert-decoder mpt nemotron_h olmo3 olmo_hybrid
    openai-gpt qwen3_5_moe_text qwen3_5_text qwen3_next qwen4_exp_text recurrent_gemma starcoder2 vaultgemma
    zamba zaya
    """
)
"""Those that bear padding, in scoring and in decoding; their memory is more than keys and values of all tokens."""

SCORED = _families(
    """
    deepseek_v4 dory llama4_text minimax rwkv xlstm zamba2
    """
)
"""Those that bear padding in scoring alone."""

TWO_PARTS = _families(
    """
    bart blenderbot blenderbot-small encoder-decoder fsmt led longt5 m2m_100 marian mbart mt5 mvp nllb-moe
    pegasus pegasus_x plbart switch_transformers t5 t5gemma t5gemma2 umt5
    """
)
"""Encoder-decoder families that bear padding, in scoring and in decoding."""
if BEFORE_5_18:
    TWO_PARTS -= {"fsmt"}  # with a cache it counts positions from the first token of each step


@dataclass(frozen=True)
class Roads:
    """Quick roads that a model's family fits.

    Attributes:
        padded: Texts of several lengths in one batch, padded on the right. Else a batch holds texts of one length.
        prefix: Keys and values of what prompts begin with alike are computed once.
        cached: Decoding goes on from keys and values, with prompts of several lengths in one batch. Else each text is
            read from its beginning for every token.
        stretched: The model's positions stretch with the longest text it has read since the last short one.
    """

    padded: bool
    prefix: bool
    cached: bool
    stretched: bool = False


QUICK = Roads(padded=True, prefix=True, cached=True)
"""All of them."""


def roads(config: Any, length: int) -> Roads:
    """The roads for a configuration of transformers, and texts of up to ``length`` tokens."""
    if config.is_encoder_decoder:
        known = config.model_type in TWO_PARTS
        return Roads(padded=known, prefix=False, cached=known)
    text = config.get_text_config()
    if _stretches(text, length):
        return Roads(padded=False, prefix=False, cached=False, stretched=True)
    family = text.model_type
    cached = family in SHARED | CACHED
    return Roads(padded=cached or family in SCORED, prefix=family in SHARED and _remembers_all(config), cached=cached)


def _stretches(text: Any, length: int) -> bool:
    """Whether what stands beside a text of such a length in a batch would change its positions."""
    all_layers = getattr(text, "rope_parameters", None) or {}
    ropes = [all_layers, *(value for value in all_layers.values() if isinstance(value, dict))]
    made = getattr(text, "max_position_embeddings", 0)
    return any(
        rope.get("rope_type") in STRETCHED and length > (rope.get("original_max_position_embeddings") or made)
        for rope in ropes
    )


def _remembers_all(config: Any) -> bool:
    """Whether each layer's memory is keys and values of every token."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    return all(type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers)
