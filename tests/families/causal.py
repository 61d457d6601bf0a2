"""Decoder-only families of transformers, tiny: by name, what builds one.

Each kind of layer occurs. Windows, chunks and states are small, so that a text of 60 tokens leaves them behind.
"""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForCausalLM

from tests.families.build import VOCABULARY, Builder, builder
from tests.families.installed import built_here

WINDOWS: dict[str, Any] = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 8}
PER_LAYER = {"vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 8}

# Ways to stretch rotary positions; those of "dynamic" and "longrope" change with the length of the text, at 64 tokens.
ROPE: dict[str, dict[str, Any]] = {
    "linear": {"factor": 2.0},
    "dynamic": {"factor": 2.0},
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 32},
    "llama3": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32},
    "longrope": {
        "short_factor": [1.0, 1.5, 2.0, 2.5],
        "long_factor": [2.0, 3.0, 4.0, 6.0],
        "original_max_position_embeddings": 64,
    },
}

MOE = {"num_local_experts": 4, "num_experts_per_tok": 2}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
ROUTED = {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
GROUPED = {**ROUTED, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1}
LATENT = {"kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
LATENT |= {"num_key_value_heads": 4}

# Attention to a few chosen tokens; few heads would choose among equals, at random.
INDEXED = {"index_n_heads": 16, "index_head_dim": 16, "index_topk": 16}
INKLING: dict[str, Any] = {"unpadded_vocab_size": VOCABULARY, "sliding_window_size": 8, "swa_num_attention_heads": 4}
INKLING |= {"swa_num_key_value_heads": 2, "swa_head_dim": 8, "d_rel": 4, "rel_extent": 32}
INKLING |= {"logits_mup_width_multiplier": 1.0, "layer_types": ["hybrid_sliding", "hybrid"]}
COMPRESSED = {
    "num_hidden_layers": 3,
    "layer_types": ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"],
    "compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": 16},
    "sliding_window": 8,
    "q_lora_rank": 16,
    "o_lora_rank": 16,
    "o_groups": 2,
    "hc_mult": 2,
}

LINEAR = {"layer_types": ["linear_attention", "full_attention"]}
DELTA = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
SSM = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_chunk_size": 16}
HYBRID = {"num_hidden_layers": 4, "layers_block_type": ["mamba", "hybrid"] * 2, "mamba_d_state": 8}

BART = {"decoder_layers": 2, "decoder_ffn_dim": 64, "decoder_attention_heads": 4, "is_encoder_decoder": False}

REFORMER = {
    "is_decoder": True,
    "axial_pos_embds_dim": [16, 16],
    "axial_pos_shape": [16, 32],
    "attn_layers": ["local", "local"],
    "local_attn_chunk_length": 8,
    "feed_forward_size": 64,
    "attention_head_size": 8,
}


def _causal(model_type: str, *shared: dict[str, Any], rope: str | None = None, **settings: Any) -> Builder:
    if rope:
        settings["rope_parameters"] = {"rope_theta": 10000.0, "rope_type": rope, **ROPE[rope]}
    return builder(AutoModelForCausalLM, model_type, *shared, **settings)


FAMILIES: dict[str, Builder] = {
    # Rotary positions, attention to all.
    "llama": _causal("llama"),
    "llama-llama3": _causal("llama", rope="llama3"),
    "llama-dynamic": _causal("llama", max_position_embeddings=64, rope="dynamic"),
    "llama-yarn": _causal("llama", rope="yarn"),
    "llama-linear": _causal("llama", rope="linear"),
    "llama-tied": _causal("llama", tie_word_embeddings=True),
    "mistral": _causal("mistral", sliding_window=None),
    "mistral-window": _causal("mistral", sliding_window=8),
    "ministral": _causal("ministral", WINDOWS),
    "qwen2": _causal("qwen2"),
    "qwen2-window": _causal("qwen2", WINDOWS, use_sliding_window=True),
    "qwen3": _causal("qwen3"),
    "gemma": _causal("gemma"),
    "gemma2": _causal(
        "gemma2", WINDOWS, query_pre_attn_scalar=8, attn_logit_softcapping=2.0, final_logit_softcapping=5.0
    ),
    "gemma3_text": _causal("gemma3_text", WINDOWS, query_pre_attn_scalar=8),
    "gemma3n_text": _causal(
        "gemma3n_text",
        PER_LAYER,
        num_hidden_layers=4,
        layer_types=WINDOWS["layer_types"] * 2,
        sliding_window=8,
        num_kv_shared_layers=2,
        laurel_rank=8,
        activation_sparsity_pattern=[0.5, 0.0, 0.0, 0.0],
    ),
    "gemma4_text": _causal("gemma4_text", WINDOWS, PER_LAYER, global_head_dim=8),
    "vaultgemma": _causal("vaultgemma", WINDOWS),
    "phi": _causal("phi", num_key_value_heads=4),
    "phi3": _causal("phi3"),
    "phi3-longrope": _causal("phi3", original_max_position_embeddings=64, rope="longrope"),
    "stablelm": _causal("stablelm"),
    "starcoder2": _causal("starcoder2", sliding_window=8),
    "cohere": _causal("cohere"),
    "cohere2": _causal("cohere2", WINDOWS),
    "olmo": _causal("olmo"),
    "olmo2": _causal("olmo2"),
    "olmo3": _causal("olmo3", WINDOWS),
    "granite": _causal(
        "granite", attention_multiplier=0.3, logits_scaling=0.7, residual_multiplier=0.8, embedding_multiplier=1.5
    ),
    "smollm3": _causal("smollm3", no_rope_layers=[1, 0]),
    "persimmon": _causal("persimmon"),
    "nemotron": _causal("nemotron"),
    "glm": _causal("glm"),
    "glm4": _causal("glm4"),
    "helium": _causal("helium"),
    "exaone4": _causal("exaone4", WINDOWS),
    "seed_oss": _causal("seed_oss"),
    "arcee": _causal("arcee"),
    "apertus": _causal("apertus"),
    "ernie4_5": _causal("ernie4_5"),
    "diffllama": _causal("diffllama"),
    "nanochat": _causal("nanochat"),
    "bitnet": _causal("bitnet"),
    "hunyuan_v1_dense": _causal("hunyuan_v1_dense"),
    "modernbert-decoder": _causal("modernbert-decoder", WINDOWS, local_attention=16),
    "minicpm3": _causal("minicpm3", LATENT),
    "doge": _causal("doge"),
    "cwm": _causal("cwm", WINDOWS),
    "ministral3": _causal("ministral3"),
    "apertus1p5_text": _causal("apertus1p5_text"),
    "hyperclovax": _causal("hyperclovax"),
    "granite_swa": _causal("granite_swa", WINDOWS),
    "gemma4_unified_text": _causal("gemma4_unified_text", WINDOWS, global_head_dim=8),
    "jais2": _causal("jais2"),
    "internlm3": _causal("internlm3"),
    "iquestcoder": _causal("iquestcoder"),
    "exaone": _causal("exaone"),
    "flint": _causal("flint"),
    "dory": _causal("dory"),
    "beam": _causal("beam"),
    "hrm_text": _causal("hrm_text"),
    "youtu": _causal("youtu", LATENT),
    # Learned, sinusoidal or biased positions, as older families have.
    "gpt2": _causal("gpt2"),
    "gpt-sw3": _causal("gpt-sw3"),
    "gpt_neo": _causal("gpt_neo", attention_types=[[["global", "local"], 1]], window_size=8),
    "gpt_neox": _causal("gpt_neox"),
    "gpt_neox_japanese": _causal("gpt_neox_japanese"),
    "gptj": _causal("gptj", rotary_dim=4),
    "gpt_bigcode": _causal("gpt_bigcode"),
    "codegen": _causal("codegen", rotary_dim=4),
    "bloom": _causal("bloom"),
    "mpt": _causal("mpt"),
    "falcon": _causal("falcon"),
    "falcon-alibi": _causal("falcon", alibi=True, multi_query=False, parallel_attn=False),
    "falcon-new": _causal("falcon", new_decoder_architecture=True, num_kv_heads=2),
    "opt": _causal("opt", ffn_dim=64, word_embed_proj_dim=32),
    "opt-projected": _causal("opt", ffn_dim=64, word_embed_proj_dim=16, do_layer_norm_before=False),
    "xglm": _causal("xglm", ffn_dim=64),
    "openai-gpt": _causal("openai-gpt"),
    "ctrl": _causal("ctrl", dff=64),
    "biogpt": _causal("biogpt"),
    # Mixtures of experts.
    "qwen2_moe": _causal("qwen2_moe", EXPERTS, shared_expert_intermediate_size=32),
    "qwen3_moe": _causal("qwen3_moe", EXPERTS),
    "mixtral": _causal("mixtral", MOE),
    "mixtral-window": _causal("mixtral", MOE, sliding_window=8),
    "olmoe": _causal("olmoe", num_experts=4, num_experts_per_tok=2),
    "granitemoe": _causal("granitemoe", MOE),
    "granitemoeshared": _causal("granitemoeshared", MOE, shared_intermediate_size=32),
    "phimoe": _causal("phimoe", MOE),
    "gpt_oss": _causal("gpt_oss", WINDOWS, MOE),
    "deepseek_v2": _causal("deepseek_v2", LATENT, GROUPED, topk_method="group_limited_greedy"),
    "deepseek_v3": _causal("deepseek_v3", LATENT, GROUPED),
    "llama4_text": _causal(
        "llama4_text",
        num_hidden_layers=4,
        num_local_experts=2,
        intermediate_size_mlp=64,
        attention_chunk_size=16,
        floor_scale=16,
        no_rope_layers=[1, 1, 1, 0],
    ),
    "dbrx": _causal(
        "dbrx",
        d_model=32,
        attn_config={"clip_qkv": 8.0, "kv_n_heads": 2, "rope_theta": 10000.0},
        ffn_config={"hidden_size": 32, "ffn_hidden_size": 64, "moe_num_experts": 4, "moe_top_k": 2},
    ),
    "jetmoe": _causal("jetmoe", kv_channels=8, num_local_experts=4),
    "glm4_moe": _causal("glm4_moe", ROUTED, first_k_dense_replace=1),
    "dots1": _causal("dots1", GROUPED),
    "ernie4_5_moe": _causal(
        "ernie4_5_moe", moe_num_experts=4, moe_k=2, moe_intermediate_size=32, moe_layer_start_index=1
    ),
    "hunyuan_v1_moe": _causal("hunyuan_v1_moe", num_experts=4, moe_topk=2),
    "flex_olmo": _causal("flex_olmo", num_experts=4, num_experts_per_tok=2),
    "minimax_m2": _causal("minimax_m2", MOE),
    "afmoe": _causal("afmoe", EXPERTS, WINDOWS, num_dense_layers=1),
    "aria_text": _causal("aria_text", moe_num_experts=4),
    "granitemoe_swa": _causal("granitemoe_swa", MOE, WINDOWS),
    "cohere2_moe": _causal("cohere2_moe", WINDOWS, num_experts=4, num_experts_per_tok=2),
    "exaone_moe": _causal("exaone_moe", EXPERTS, WINDOWS),
    "deepseek_v32": _causal("deepseek_v32", LATENT, GROUPED, INDEXED),
    "glm4_moe_lite": _causal("glm4_moe_lite", LATENT, ROUTED),
    "glm_moe_dsa": _causal("glm_moe_dsa", LATENT, ROUTED, INDEXED),
    "sarvam_mla": _causal("sarvam_mla", LATENT, GROUPED),
    "sarvam_moe": _causal("sarvam_moe", ROUTED, first_k_dense_replace=1),
    "solar_open": _causal("solar_open", ROUTED),
    "hy_v3": _causal("hy_v3", EXPERTS),
    "hy_v4": _causal("hy_v4", LATENT, ROUTED, INDEXED),
    "mellum": _causal("mellum", EXPERTS),
    "laguna": _causal("laguna", EXPERTS),
    "lara_mini": _causal("lara_mini", EXPERTS, DELTA, shared_expert_intermediate_size=32, sliding_window=8),
    "kolibri1": _causal("kolibri1", EXPERTS),
    "minimax_m3_vl_text": _causal("minimax_m3_vl_text", MOE, dense_intermediate_size=64, shared_intermediate_size=32),
    "axk1": _causal("axk1", LATENT, GROUPED),
    "axk2": _causal("axk2", LATENT, GROUPED),
    "deepseek_v4": _causal("deepseek_v4", ROUTED, INDEXED, COMPRESSED),
    "mimo_v2_flash": _causal("mimo_v2_flash", ROUTED),
    "longcat_flash": _causal(
        "longcat_flash",
        LATENT,
        num_layers=1,
        n_routed_experts=4,
        zero_expert_num=2,
        moe_topk=2,
        ffn_hidden_size=64,
        expert_ffn_hidden_size=32,
    ),
    "zaya": _causal("zaya", num_experts=4, num_experts_per_tok=1, moe_intermediate_size=32, router_hidden_size=16),
    "inkling_text": _causal("inkling_text", ROUTED, INKLING),
    "inkling2_text": _causal("inkling2_text", ROUTED, INKLING),
    "inkling2_loop_text": _causal("inkling2_loop_text", ROUTED, INKLING),
    # Linear attention, state spaces and their mixtures with attention.
    "qwen3_next": _causal("qwen3_next", EXPERTS, DELTA, LINEAR, shared_expert_intermediate_size=32),
    "minimax": _causal("minimax", MOE, LINEAR, block_size=16),
    "granitemoehybrid": _causal(
        "granitemoehybrid", MOE, SSM, shared_intermediate_size=32, layer_types=["mamba", "attention"]
    ),
    "mamba": _causal("mamba", state_size=8),
    "mamba2": _causal("mamba2", state_size=8, num_heads=4, head_dim=16, n_groups=2, chunk_size=16),
    "falcon_mamba": _causal("falcon_mamba", state_size=8),
    "jamba": _causal("jamba", num_experts=2, attn_layer_period=2, attn_layer_offset=1, mamba_d_state=8),
    "bamba": _causal("bamba", SSM, attn_layer_indices=[1]),
    "zamba": _causal("zamba", HYBRID),
    "zamba2": _causal("zamba2", HYBRID, n_mamba_heads=4, chunk_size=16, adapter_rank=4),
    "recurrent_gemma": _causal("recurrent_gemma", num_hidden_layers=3, attention_window_size=8, lru_width=32),
    "rwkv": _causal("rwkv", attention_hidden_size=32),
    "lfm2": _causal("lfm2", layer_types=["conv", "full_attention"]),
    "falcon_h1": _causal("falcon_h1", SSM, mamba_d_ssm=64),
    "nemotron_h": _causal(
        "nemotron_h",
        layers_block_type=["mamba", "moe", "attention", "mlp"],
        ssm_state_size=8,
        mamba_num_heads=4,
        mamba_head_dim=16,
        n_groups=2,
        chunk_size=16,
        n_routed_experts=4,
        moe_intermediate_size=32,
        moe_shared_expert_intermediate_size=32,
    ),
    "xlstm": _causal(
        "xlstm", hidden_size=64, num_heads=4, chunk_size=16, qk_dim_factor=1.0, autocast_kernel_dtype="float32"
    ),
    "kimi_linear": _causal(
        "kimi_linear",
        LINEAR,
        LATENT,
        MOE,
        q_lora_rank=None,
        moe_intermediate_size=32,
        linear_head_dim=8,
        linear_num_heads=4,
        mlp_layer_types=["dense", "sparse"],
    ),
    "olmo_hybrid": _causal("olmo_hybrid", DELTA, LINEAR),
    "qwen3_5_text": _causal("qwen3_5_text", DELTA, LINEAR),
    "qwen3_5_moe_text": _causal("qwen3_5_moe_text", EXPERTS, DELTA, LINEAR, shared_expert_intermediate_size=32),
    "qwen4_exp_text": _causal(
        "qwen4_exp_text",
        EXPERTS,
        DELTA,
        LINEAR,
        shared_expert_intermediate_size=32,
        ngram_vocab_size_base=64,
        split_ngram_parts=4,
        hc_count=2,
        hc_lowrank=8,
        ple_layer_ids=[],
        indexer_n_heads=2,
        indexer_kv_heads=1,
        indexer_head_dim=8,
        indexer_budget=16,
        indexer_compress_ratio=4,
    ),
    "lfm2_moe": _causal("lfm2_moe", EXPERTS, layer_types=["conv", "full_attention"], num_dense_layers=1),
    "lfm3": _causal("lfm3", layer_types=["conv", "full_attention"]),
    "bailing_hybrid": _causal(
        "bailing_hybrid",
        LATENT,
        LINEAR,
        MOE,
        q_lora_rank=None,
        moe_intermediate_size=32,
        n_group=2,
        topk_group=1,
        mlp_layer_types=["dense", "sparse"],
    ),
    # Encoders as decoders, and other oddities.
    "bert": _causal("bert", is_decoder=True),
    "bert-generation": _causal("bert-generation", is_decoder=True),
    "roberta": _causal("roberta", is_decoder=True),
    "xlm-roberta": _causal("xlm-roberta", is_decoder=True),
    "camembert": _causal("camembert", is_decoder=True),
    "data2vec-text": _causal("data2vec-text", is_decoder=True),
    "ernie": _causal("ernie", is_decoder=True),
    "roberta-prelayernorm": _causal("roberta-prelayernorm", is_decoder=True),
    "xlm-roberta-xl": _causal("xlm-roberta-xl", is_decoder=True),
    "xmod": _causal("xmod", is_decoder=True, default_language="en_XX"),
    "big_bird": _causal("big_bird", is_decoder=True),
    "roc_bert": _causal(
        "roc_bert",
        is_decoder=True,
        pronunciation_embed_dim=16,
        shape_embed_dim=16,
        pronunciation_vocab_size=VOCABULARY,
        shape_vocab_size=VOCABULARY,
    ),
    "electra": _causal("electra", is_decoder=True, embedding_size=16),
    "rembert": _causal("rembert", is_decoder=True, input_embedding_size=16, output_embedding_size=16),
    "roformer": _causal("roformer", is_decoder=True),
    "megatron-bert": _causal("megatron-bert", is_decoder=True),
    "bart": _causal("bart", BART),
    "mbart": _causal("mbart", BART),
    "pegasus": _causal("pegasus", BART),
    "blenderbot": _causal("blenderbot", BART),
    "marian": _causal("marian", BART),
    "plbart": _causal("plbart", BART),
    "mvp": _causal("mvp", BART),
    "bigbird_pegasus": _causal("bigbird_pegasus", BART),
    "blenderbot-small": _causal("blenderbot-small", BART),
    "whisper": _causal("whisper", BART, max_target_positions=512),
    "trocr": _causal("trocr", decoder_ffn_dim=64),
    "prophetnet": _causal("prophetnet", num_decoder_layers=2, decoder_ffn_dim=64, num_decoder_attention_heads=4),
    "xlm": _causal("xlm", causal=True),
    "reformer": _causal("reformer", REFORMER),
}
FAMILIES = built_here(FAMILIES)

SEES_AHEAD = "a token sees those after it"
READS_MORE = "reads images or sound; its language model stands here under its own name, or is that of another family"
NOT_BUILT: dict[str, str] = {
    "xlnet": SEES_AHEAD,
    "cpmant": SEES_AHEAD,
    "reformer, hashed attention": f"{SEES_AHEAD}: they share its buckets",
    "blt": "reads bytes through an entropy model of its own; 4.6e9 weights at its smallest",
    "gemma3n": "needs timm",
    "gemma4_assistant": "reads the states of another model",
    "gemma4_unified_assistant": "reads the states of another model",
    "dots3_note": READS_MORE,
    "dots3_note_text": "the configuration of its layers has no small form",
    **dict.fromkeys(
        (
            "cohere_compass_text",
            "emu3",
            "fuyu",
            "gemma3",
            "gemma4",
            "gemma4_unified",
            "git",
            "got_ocr2",
            "llama4",
            "mllama",
            "moshi",
            "moss_transcribe_diarize",
            "musicgen",
            "musicgen_melody",
            "phi4_multimodal",
            "qwen3_5",
            "qwen3_5_moe",
            "qwen4_exp",
        ),
        READS_MORE,
    ),
}
"""What the registry of transformers lists as a causal language model and `FAMILIES` leaves out, and why."""
