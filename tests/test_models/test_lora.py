"""The adapted layers against PEFT's own, forward and backward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from jsarag.models.lora import adapted, ready


def peft_alone(model: Any, **options: Any) -> Any:
    settings = peft.LoraConfig(lora_dropout=0.0, **options)
    return peft.get_peft_model(model, settings)


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_adapted_layers_give_what_peft_gives(kind: str, causal_model: Path, seq2seq_model: Path) -> None:
    path, auto = (causal_model, AutoModelForCausalLM) if kind == "causal" else (seq2seq_model, AutoModelForSeq2SeqLM)
    task = "CAUSAL_LM" if kind == "causal" else "SEQ_2_SEQ_LM"
    ours = adapted(auto.from_pretrained(path), rank=4, alpha=6, targets="all-linear", dtype=torch.float32)
    theirs = peft_alone(auto.from_pretrained(path), r=4, lora_alpha=6, target_modules="all-linear", task_type=task)
    generator = torch.Generator().manual_seed(0)
    for weight in ours.parameters():
        if weight.requires_grad:
            # B starts at zero, where the low-rank path cannot be seen.
            weight.data.normal_(std=0.3, generator=generator)
    theirs.load_state_dict(ours.state_dict())
    ids = torch.randint(6, 20, (3, 7), generator=generator)
    outputs = []
    for model in (ours.eval(), theirs.eval()):
        logits = model(input_ids=ids, labels=ids).logits
        logits.square().mean().backward()
        outputs.append((logits, {n: p.grad for n, p in model.named_parameters() if p.requires_grad}))
    (logits, gradients), (expected, wanted) = outputs
    assert_close(logits, expected)
    assert gradients.keys() == wanted.keys()
    for name, gradient in gradients.items():
        assert_close(gradient, wanted[name], msg=f"{name}: {{}}".format)
    with ours.disable_adapter(), theirs.disable_adapter():
        assert_close(ours(input_ids=ids, labels=ids).logits, theirs(input_ids=ids, labels=ids).logits)
        assert not torch.equal(ours(input_ids=ids, labels=ids).logits, logits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layers_made_ready_give_the_same_and_leave_no_trace(dtype: torch.dtype, causal_model: Path) -> None:
    loaded = AutoModelForCausalLM.from_pretrained(causal_model, dtype=dtype)
    model = adapted(loaded, rank=4, alpha=6, targets="all-linear", dtype=dtype).eval()
    generator = torch.Generator().manual_seed(0)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data.normal_(std=0.1, generator=generator)
    ids = torch.randint(6, 20, (3, 7), generator=generator)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with torch.no_grad(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        wanted = model(input_ids=ids).logits
        with ready(model):
            found = model(input_ids=ids).logits
            down = model.get_base_model().model.layers[0].mlp.down_proj
            # What was made ready is used, whatever becomes of the adapters.
            down.lora_B["default"].weight.zero_()
            assert torch.equal(model(input_ids=ids).logits, found)
    if dtype == torch.float32:
        assert_close(found, wanted)
    else:
        # Bit by bit: adapters must not be rounded into the weights.
        assert torch.equal(found, wanted)
    with torch.no_grad():
        down.lora_B["default"].weight.copy_(
            before["base_model.model.model.layers.0.mlp.down_proj.lora_B.default.weight"]
        )
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
