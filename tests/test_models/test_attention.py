"""Which attention a generator uses in bf16 on a CPU, and that the choice changes nothing but rounding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close
from transformers import AutoConfig, AutoModelForCausalLM

from jsarag.models import GeneratorConfig, LanguageModel, Pair, load_generator
from jsarag.models.attention import MASKLESS, UNMASKED, unmasked
from jsarag.types import Passage
from tests import tiny

CPU, GPU = torch.device("cpu"), torch.device("cuda")
PAIRS = [Pair("who ?", (Passage("a", "", "red and blue"),), "blue"), Pair("who is it ?", (), "it is red")]


def load(path: Path, **options: object) -> LanguageModel:
    return load_generator(GeneratorConfig(model=str(path), **options), CPU)  # type: ignore[arg-type]


@contextmanager
def used(generator: LanguageModel) -> Iterator[list[str]]:
    """The kernels of the forward passes inside the block."""
    kernels: list[str] = []
    config = generator.model.config
    handle = generator.model.register_forward_pre_hook(lambda *_: kernels.append(config._attn_implementation))
    yield kernels
    handle.remove()


@pytest.mark.parametrize(("precision", "expected"), [("bf16", "eager"), ("fp32", "sdpa")])
def test_plain_attention_where_a_fused_backward_pass_would_be_slow(
    causal_model: Path, precision: str, expected: str
) -> None:
    generator = load(causal_model, precision=precision, lora=None)
    with used(generator) as trained:
        differentiable = generator.log_likelihood(PAIRS)
    torch.autograd.backward(differentiable.sum())
    with used(generator) as others:
        with torch.no_grad():
            scored = generator.log_likelihood(PAIRS)
        generator.generate([("who ?", ())])
    assert set(trained) == {expected}
    assert set(others) == {"sdpa"}
    assert_close(scored, differentiable.detach(), rtol=0.02, atol=0.05)


def test_layers_that_are_computed_again_are_computed_alike(causal_model: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        generator = load(causal_model, precision="bf16", lora=None, checkpointing=checkpointing)
        torch.autograd.backward(generator.log_likelihood(PAIRS).sum())
        gradients.append([weight.grad for weight in generator.trained().values()])
    for plain, again in zip(*gradients, strict=True):
        assert_close(again, plain)


@pytest.mark.parametrize("family", sorted(MASKLESS))
def test_attention_that_is_given_no_mask_gives_the_same(family: str, tmp_path: Path) -> None:
    fast = tiny.tokenizer(tmp_path)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        sliding_window=None,
        initializer_range=0.3,
        bos_token_id=4,
        eos_token_id=5,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)  # type: ignore[no-untyped-call]
    generator = load(tmp_path, precision="fp32", lora=None)
    assert generator.roads.prefix
    found = []
    for device in (CPU, GPU):
        with unmasked(generator.model, device), used(generator) as kernels:
            log_lik = generator.log_likelihood(PAIRS)
        torch.autograd.backward(log_lik.sum())
        found.append([log_lik, *(weight.grad for weight in generator.trained().values())])
        generator.zero_grad()
    assert set(kernels) == {UNMASKED}
    for masked, bare in zip(*found, strict=True):
        assert torch.equal(masked, bare)
