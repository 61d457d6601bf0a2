"""Encoder-decoder families of transformers, tiny: by name, what builds one."""

from __future__ import annotations

from functools import partial
from typing import Any

from transformers import AutoModelForSeq2SeqLM

from tests.families.build import BOS, COMMON, EOS, PAD, VOCABULARY, Builder, builder

T5 = {"d_kv": 8, "d_ff": 64, "num_decoder_layers": 2, "decoder_start_token_id": PAD, "initializer_factor": 2.0}
UNTIED = {**T5, "tie_word_embeddings": False, "initializer_factor": 1.0}
# Blocks of attention are smaller than a text, and a global token stands for each of them.
LOCAL = {**T5, "local_radius": 7, "global_block_size": 4}

BART: dict[str, Any] = {
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
}
BART |= {"encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "decoder_start_token_id": EOS, "forced_eos_token_id": None}

BERT = {**COMMON, "model_type": "bert", "vocab_size": VOCABULARY}
GEMMA: dict[str, Any] = {**COMMON, "vocab_size": VOCABULARY, "query_pre_attn_scalar": 8, "sliding_window": 8}
GEMMA |= {"layer_types": ["sliding_attention", "full_attention"]}
VISION = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION |= {"image_size": 28, "patch_size": 14}

_seq2seq = partial(builder, AutoModelForSeq2SeqLM)

FAMILIES: dict[str, Builder] = {
    "t5": _seq2seq("t5", T5),
    "t5-v1.1": _seq2seq("t5", UNTIED, feed_forward_proj="gated-gelu"),
    "mt5": _seq2seq("mt5", UNTIED),
    "umt5": _seq2seq("umt5", T5),
    "switch_transformers": _seq2seq(
        "switch_transformers",
        T5,
        num_experts=4,
        num_sparse_encoder_layers=1,
        num_sparse_decoder_layers=1,
        expert_capacity=64,
    ),
    "longt5-local": _seq2seq("longt5", LOCAL, encoder_attention_type="local"),
    "longt5-tglobal": _seq2seq("longt5", LOCAL, encoder_attention_type="transient-global"),
    "bart": _seq2seq("bart", BART),
    "mbart": _seq2seq("mbart", BART),
    "pegasus": _seq2seq("pegasus", BART, decoder_start_token_id=PAD),
    "pegasus_x": _seq2seq("pegasus_x", BART, decoder_start_token_id=PAD, block_size=16, num_global_tokens=4),
    "bigbird_pegasus": _seq2seq("bigbird_pegasus", BART, block_size=4, num_random_blocks=1),
    "bigbird_pegasus-full": _seq2seq("bigbird_pegasus", BART, attention_type="original_full"),
    "blenderbot": _seq2seq("blenderbot", BART, decoder_start_token_id=BOS),
    "blenderbot-small": _seq2seq("blenderbot-small", BART, decoder_start_token_id=BOS),
    "marian": _seq2seq("marian", BART, decoder_start_token_id=PAD),
    "m2m_100": _seq2seq("m2m_100", BART),
    "nllb-moe": _seq2seq(
        "nllb-moe", BART, num_experts=4, encoder_sparse_step=2, decoder_sparse_step=2, expert_capacity=64
    ),
    "plbart": _seq2seq("plbart", BART),
    "mvp": _seq2seq("mvp", BART),
    "led": _seq2seq(
        "led", BART, attention_window=8, max_encoder_position_embeddings=512, max_decoder_position_embeddings=512
    ),
    "prophetnet": _seq2seq(
        "prophetnet",
        num_encoder_layers=2,
        num_decoder_layers=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_encoder_attention_heads=4,
        num_decoder_attention_heads=4,
        decoder_start_token_id=BOS,
    ),
    "fsmt": _seq2seq("fsmt", BART, src_vocab_size=VOCABULARY, tgt_vocab_size=VOCABULARY, langs=["en", "de"]),
    "t5gemma": _seq2seq("t5gemma", encoder=GEMMA, decoder=GEMMA),
    "t5gemma2": _seq2seq("t5gemma2", encoder={"text_config": GEMMA, "vision_config": VISION}, decoder=GEMMA),
    "encoder-decoder": _seq2seq(
        "encoder-decoder",
        encoder=BERT,
        decoder={**BERT, "is_decoder": True, "add_cross_attention": True},
        decoder_start_token_id=BOS,
        pad_token_id=PAD,
    ),
}

NOT_BUILT: dict[str, str] = dict.fromkeys(
    (
        "audioflamingo3",
        "glmasr",
        "granite_speech",
        "granite_speech_plus",
        "moss_transcribe_diarize",
        "musicflamingo",
        "nemo_speechlm",
        "omniasr",
        "qwen2_audio",
        "qwen3_asr",
        "seamless_m4t",
        "seamless_m4t_v2",
        "vibevoice_asr",
        "voxtral",
        "voxtral_realtime",
    ),
    "reads sound",
)
"""What the registry of transformers lists as an encoder-decoder and `FAMILIES` leaves out, and why."""
