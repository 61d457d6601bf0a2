"""Which attention a generator uses in bf16 on a CPU, and that the choice changes nothing but rounding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from jsarag.models import GeneratorConfig, LanguageModel, Pair, load_generator
from jsarag.types import Passage

CPU = torch.device("cpu")
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
