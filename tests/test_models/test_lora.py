"""The adapted layers against PEFT's own, forward and backward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from jsarag.models.lora import adapted


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
            weight.data.normal_(generator=generator)
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
        assert_close(gradient, wanted[name], msg=name)
    with ours.disable_adapter(), theirs.disable_adapter():
        assert_close(ours(input_ids=ids, labels=ids).logits, theirs(input_ids=ids, labels=ids).logits)
        assert not torch.equal(ours(input_ids=ids, labels=ids).logits, logits)
