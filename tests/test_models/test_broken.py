"""Broken models are refused by name when they are loaded; a model that merely lacks what nobody reads is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM, RobertaConfig, RobertaForCausalLM

from jsarag.cli.main import main
from jsarag.models import EncoderConfig, GeneratorConfig, LoraConfig, load_encoder, load_generator
from jsarag.types import InputError
from tests import encoders, tiny

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.3,
}
Change = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def changed(model: Path, folder: Path, change: Change) -> Path:
    """A copy of a model with other weights in its file."""
    copy = shutil.copytree(model, folder / "changed")
    file = copy / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})
    return copy


def without(*parts: str) -> Change:
    return lambda weights: {n: w for n, w in weights.items() if not any(part in n for part in parts)}


def narrower(part: str) -> Change:
    return lambda weights: {n: w[:-1].clone() if part in n else w for n, w in weights.items()}


def generator(model: Path, lora: LoraConfig | None = None) -> None:
    load_generator(GeneratorConfig(str(model), lora=lora, precision="fp32"), CPU)


def encoder(model: Path) -> None:
    load_encoder(EncoderConfig(str(model), precision="fp32"), CPU)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_a_generator_without_half_of_its_weights_is_refused(
    request: pytest.FixtureRequest, family: str, tmp_path: Path
) -> None:
    model: Path = request.getfixturevalue(f"{family}_model")
    total = len(load_file(model / "model.safetensors"))
    broken = changed(model, tmp_path, lambda weights: dict(list(weights.items())[::2]))
    kept = len(load_file(broken / "model.safetensors"))
    with pytest.raises(
        InputError, match=rf"^generator.model: {broken}: .*; {total - kept} of \d+ are missing"
    ) as caught:
        generator(broken)
    lost = sorted(set(load_file(model / "model.safetensors")) - set(load_file(broken / "model.safetensors")))
    assert all(name in str(caught.value) for name in lost[:3]) and lost[3] not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_of_another_size_are_named(causal_model: Path, encoder_model: Path, tmp_path: Path) -> None:
    broken = changed(causal_model, tmp_path, narrower("layers.1.mlp.up_proj"))
    with pytest.raises(InputError, match=r"^generator.model: .*; 1 of \d+ .*: model.layers.1.mlp.up_proj.weight$"):
        generator(broken)
    shutil.rmtree(broken)
    with pytest.raises(InputError, match=r"^encoder.model: .*; 1 of \d+ .*: encoder.layer.0.output.dense.bias$"):
        encoder(changed(encoder_model, tmp_path, narrower("layer.0.output.dense.bias")))


def test_a_file_that_is_cut_is_refused(causal_model: Path, encoder_model: Path, tmp_path: Path) -> None:
    for name, model, load in (("generator", causal_model, generator), ("encoder", encoder_model, encoder)):
        copy = shutil.copytree(model, tmp_path / name)
        file = copy / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(InputError, match=rf"^{name}.model: ") as caught:
            load(copy)
        assert "\n" not in str(caught.value)


def test_tied_weights_may_be_missing(tmp_path: Path) -> None:
    model = tiny.causal(tmp_path / "model")
    tied = changed(model, tmp_path, without("lm_head"))
    config = tied / "config.json"
    config.write_text(config.read_text().replace('"tie_word_embeddings": false', '"tie_word_embeddings": true'))
    generator(tied)
    with pytest.raises(InputError, match=r"; 1 of \d+ .*: lm_head.weight$"):
        generator(changed(model, tmp_path / "apart", without("lm_head")))


@pytest.mark.parametrize("name", ["bert", "xlm-roberta", "qwen3", "t5", "router", "dense"])
def test_an_encoder_without_some_of_its_weights_is_refused(name: str, tmp_path: Path) -> None:
    model = encoders.save(name, tmp_path)
    encoder(model)
    for n, file in enumerate(sorted(model.rglob("model.safetensors"))):
        whole = load_file(file)
        lost = next((weight for weight in whole if "layer" in weight or "block" in weight or "linear" in weight), "")
        save_file({k: w for k, w in whole.items() if k != lost}, file, metadata={"format": "pt"})
        with pytest.raises(InputError, match=r"^encoder.model: ") as caught:
            encoder(model)
        assert lost.split("linear")[-1] in str(caught.value), n
        assert "\n" not in str(caught.value)
        save_file(whole, file, metadata={"format": "pt"})


def test_a_pooler_may_be_missing_where_no_vector_needs_it(encoder_model: Path, tmp_path: Path) -> None:
    encoder(changed(encoder_model, tmp_path, without("pooler")))


@pytest.mark.parametrize("name", ["bert", "xlm-roberta", "mpnet", "qwen3", "gpt2", "static", "router"])
def test_an_encoder_without_its_tokenizer_is_refused(name: str, tmp_path: Path) -> None:
    model = encoders.save(name, tmp_path)
    encoder(model)
    for file in model.rglob("tokenizer*.json"):
        file.unlink()
    with pytest.raises(InputError, match=r"^encoder.model: ") as caught:
        encoder(model)
    assert str(model) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_a_generator_without_its_tokenizer_is_refused(
    request: pytest.FixtureRequest, family: str, tmp_path: Path
) -> None:
    model = shutil.copytree(request.getfixturevalue(f"{family}_model"), tmp_path / "model")
    for file in model.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(InputError, match=r"^generator.model: ") as caught:
        generator(model)
    assert "\n" not in str(caught.value)


def bert(folder: Path) -> Path:
    size = len(tiny.tokenizer(folder))
    BertForMaskedLM(BertConfig(vocab_size=size, **SMALL)).save_pretrained(folder)
    return folder


def test_an_encoder_is_no_generator(encoder_model: Path, tmp_path: Path) -> None:
    for model in (encoder_model, bert(tmp_path / "bert")):
        with pytest.raises(InputError, match=rf"^generator.model: {model}: .*\(bert\) is an encoder"):
            generator(model)


def test_a_decoder_of_a_family_of_encoders_is_a_generator(tmp_path: Path) -> None:
    size = len(tiny.tokenizer(tmp_path))
    config = RobertaConfig(vocab_size=size, is_decoder=True, **SMALL)
    RobertaForCausalLM(config).save_pretrained(tmp_path)
    generator(tmp_path)


def test_each_lora_target_is_the_name_of_a_layer(causal_model: Path) -> None:
    generator(causal_model, LoraConfig(rank=2, targets="q_proj, layers.1.mlp.up_proj"))
    for targets, wrong in (
        ("q_proj,w_proj", "w_proj"),
        ("q_proj,proj", "proj"),
        ("layers.7.q_proj,k_proj", "layers.7"),
    ):
        with pytest.raises(InputError, match=rf"^generator.lora.targets: .*q_proj.*; no layer is called '{wrong}"):
            generator(causal_model, LoraConfig(rank=2, targets=targets))


def test_the_command_line_says_it_in_one_line(
    options: list[str], encoder_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = changed(encoder_model, tmp_path, without("query"))
    assert main(["train", *options, "--encoder.model", str(broken)]) == 2
    line = capfd.readouterr().err.splitlines()[-1]
    assert line.startswith(f"jsarag: encoder.model: {broken}: ") and "attention.self.query" in line
