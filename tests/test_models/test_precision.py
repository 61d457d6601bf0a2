"""Weights in the format of the computation while nothing needs a gradient."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from jsarag.models import GeneratorConfig, LoraConfig, Pair, load_generator
from jsarag.models.precision import cast
from jsarag.types import Passage

CPU = torch.device("cpu")
PAIRS = [Pair("who ?", (Passage("a", "", "red and blue"),), "blue"), Pair("who is it ?", (), "it is red")]


def test_weights_are_cast_within_the_block_alone() -> None:
    embedding, head = nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)
    model = nn.Sequential(embedding, head)
    own = head.weight = embedding.weight  # tied, as output heads are
    kept, values = own.data_ptr(), own.detach().clone()
    with pytest.raises(RuntimeError, match="inside"), cast(model, torch.bfloat16):
        assert own.dtype == torch.bfloat16
        assert head.weight is own
        raise RuntimeError("inside")
    assert own.data_ptr() == kept
    assert own.requires_grad
    assert torch.equal(own, values)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_scores_of_a_fully_trained_generator_are_those_of_the_model_in_bf16(
    family: str, causal_model: Path, seq2seq_model: Path
) -> None:
    path = causal_model if family == "causal" else seq2seq_model
    generator = load_generator(GeneratorConfig(model=str(path), precision="bf16", lora=None), CPU)
    with torch.no_grad():
        scored = generator.log_likelihood(PAIRS)
    differentiable = generator.log_likelihood(PAIRS)
    torch.autograd.backward(differentiable.sum())
    gradients = [weight.grad for weight in generator.trained().values()]
    assert all(isinstance(g, Tensor) and g.dtype == torch.float32 for g in gradients)
    assert any(isinstance(g, Tensor) and bool(g.any()) for g in gradients)
    assert_close(scored, differentiable.detach(), rtol=0.02, atol=0.05)
    # Adapters of a new generator add nothing to its weights, which were read in bf16.
    frozen = load_generator(GeneratorConfig(model=str(path), precision="bf16", lora=LoraConfig()), CPU)
    with torch.no_grad():
        assert torch.equal(frozen.log_likelihood(PAIRS), scored)
