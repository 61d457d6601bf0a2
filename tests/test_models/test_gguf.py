"""A GGUF file becomes a folder of safetensors once: the model and the tokenizer are those that were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from torch import nn
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from jsarag.models import GeneratorConfig, load_generator
from jsarag.types import InputError
from tests.families import tokenizers

LAYERS = 2


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JSARAG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizers.build("qwen")),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
    )
    # Weights that bfloat16 holds exactly, which is what the conversion keeps.
    made = nn.Module.to(Qwen2ForCausalLM(config), torch.bfloat16)
    return nn.Module.eval(nn.Module.to(made, torch.float32))


def write(file: Path, model: Any) -> Path:
    """The model and its tokenizer as llama.cpp would write them."""
    tokenizer, config = tokenizers.build("qwen"), model.config
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    special = {token.content for token in tokenizer.added_tokens_decoder.values()}
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer = gguf.GGUFWriter(file, "qwen2")
    writer.add_block_count(LAYERS)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([3 if token in special else 1 for token in vocabulary])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, LAYERS)
    for name, weight in model.state_dict().items():
        stem, _, kind = name.rpartition(".")
        writer.add_tensor(f"{names.get_name(stem)}.{kind}", weight.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def test_the_weights_and_the_tokens_are_those_of_the_file(model: Any, cache: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "tiny.gguf", model)
    config = GeneratorConfig(model=str(file), precision="fp32", lora=None)
    generator = load_generator(config, torch.device("cpu"))
    tokens = tokenizers.build("qwen")("Who keeps the harbour lamp?").input_ids
    assert generator.tokenizer("Who keeps the harbour lamp?").input_ids == tokens
    ids = torch.tensor([tokens])
    with torch.no_grad():
        assert_close(generator.model(input_ids=ids).logits, model(input_ids=ids).logits, atol=1e-5, rtol=1e-4)
    # What was converted is a folder that others open, and is not converted again.
    (folder,) = cache.iterdir()
    assert json.loads((folder / "source.json").read_text()) == {"gguf": "tiny.gguf", "bytes": file.stat().st_size}
    again = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    assert_close(again.state_dict(), model.state_dict(), atol=0, rtol=0)
    assert AutoTokenizer.from_pretrained(folder)("Who keeps the harbour lamp?").input_ids == tokens
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    load_generator(config, torch.device("cpu"))
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp


def test_a_file_that_is_no_gguf_is_named_and_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(InputError, match=r"^generator\.model: [^\n]*bad\.gguf[^\n]*$"):
        load_generator(GeneratorConfig(model=str(tmp_path / "bad.gguf")), torch.device("cpu"))
    assert not cache.exists() or not list(cache.iterdir())
