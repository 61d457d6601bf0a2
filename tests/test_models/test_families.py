"""Every family of transformers that can be built tiny: on whatever road, a score is that of one plain forward pass.

The truth is transformers alone, or PEFT alone where there are adapters: one text at a time, no padding, no cache.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from jsarag.models import GeneratorConfig, LanguageModel, LoraConfig, Pair, PromptConfig, load_generator
from jsarag.models.decode import text_of
from jsarag.models.roads import CACHED, SCORED, SHARED, TWO_PARTS, UNTRAINED
from jsarag.types import InputError, Passage
from tests.families import causal, seq2seq
from tests.families.installed import needs_all
from tests.families.reference import NO_TRUTH, greedy, plain, start

CPU = torch.device("cpu")
TOLERANCE = 2e-3
ROOM = 6
PASSAGES = [
    Passage("1", "tower", "the keeper of the tower is Ada , with a red lamp and nine tallies . " * 3),
    Passage("2", "boat", "the boat Tib"),
    Passage("3", "lamp", "seven red lamp on the boat , what is the slip of the harbour keeper"),
]
QUESTIONS = ["who is the keeper of the red lamp on the boat , and when did the tower answer ?", "what is blue ?"]
PAIRS = [Pair(x, (h,), y) for x in QUESTIONS for h in PASSAGES for y in ("Ada", "the boat Tib is red")]
FIRST = PromptConfig(template="{input} : {passage} answer :", no_passage="answer {input}")
"""The question stands first, so that the prompts of one question begin alike, and those of another otherwise."""
MAMBA = ["conv1d", "dt_proj", "out_proj"]
LEFT_OUT = dict.fromkeys(("falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h"), MAMBA) | {
    "phimoe": ["router"],
    "llama4_text": ["router"],
    "deepseek_v4": ["o_a_proj"],
}
"""Layers that PEFT refuses, or adapts so that the model no longer runs."""
ALL = {name: ("causal", build) for name, build in causal.FAMILIES.items() if name not in {*NO_TRUTH, *UNTRAINED}}
ALL |= {
    f"{name}, two parts": ("seq2seq", b) for name, b in seq2seq.FAMILIES.items() if name not in {*NO_TRUTH, *UNTRAINED}
}


LAST = PromptConfig(template="question {passage} : {input} answer", no_passage="answer {input}")
"""The passage stands first, so that the prompts of one passage begin alike."""
SOME = ["llama", "gpt2", "bloom", "gptj", "opt", "deepseek_v3", "qwen3_moe", "mamba", "gemma3_text", "llama-dynamic"]
"""A family of each kind of positions and memory."""


def load(folder: Path, lora: LoraConfig | None = None, prompt: PromptConfig = FIRST) -> LanguageModel:
    config = GeneratorConfig(model=str(folder), precision="fp32", lora=lora, max_new_tokens=ROOM, prompt=prompt)
    return load_generator(config, CPU)


def tokens(generator: LanguageModel, pair: Pair) -> tuple[list[int], list[int]]:
    answer = generator.prompt.answer(pair.y)
    return generator.prompt.context(pair.x, pair.passages, room=len(answer)), answer


def truth(generator: LanguageModel, model: Any, pairs: Sequence[Pair]) -> torch.Tensor:
    return torch.tensor([fresh(model, *tokens(generator, pair)) for pair in pairs])


@torch.no_grad()
def fresh(model: Any, context: list[int], answer: list[int]) -> float:
    """`plain` after a short text: where positions stretch, a model remembers the longest text since."""
    if not model.config.is_encoder_decoder:
        model(input_ids=torch.tensor([[1]]), use_cache=False)
    return plain(model, context, answer)


@torch.no_grad()
def token_by_token(model: Any, context: list[int], answer: list[int]) -> float:
    """log p(answer | context), each token from a text that ends before it: a few families look at the whole length."""
    found = 0.0
    for t, token in enumerate(answer):
        if model.config.is_encoder_decoder:
            begun = torch.tensor([[start(model), *answer[:t]]])
            logits = model(input_ids=torch.tensor([context]), decoder_input_ids=begun, use_cache=False).logits
        else:
            model(input_ids=torch.tensor([[1]]), use_cache=False)
            logits = model(input_ids=torch.tensor([context + answer[:t]]), use_cache=False).logits
        found += float(logits[0, -1].log_softmax(-1)[token])
    return found


def gradients(model: Any, weights: Sequence[torch.nn.Parameter], texts: Sequence[tuple[list[int], list[int]]]) -> Any:
    """Those of the log-likelihood of all answers, by one forward pass a text; None of a weight that none depends on."""
    total = torch.zeros(())
    for context, answer in texts:
        if model.config.is_encoder_decoder:
            begun = torch.tensor([[start(model), *answer[:-1]]])
            logits = model(input_ids=torch.tensor([context]), decoder_input_ids=begun, use_cache=False).logits[0]
        else:
            model(input_ids=torch.tensor([[1]]), use_cache=False)
            logits = model(input_ids=torch.tensor([context + answer]), use_cache=False).logits[0, len(context) - 1 : -1]
        total = total + logits.log_softmax(-1)[range(len(answer)), answer].sum()
    return torch.autograd.grad(total, weights, allow_unused=True)


def close(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return torch.allclose(found.detach(), expected, atol=TOLERANCE, rtol=2e-4)


@pytest.mark.parametrize("family", ALL)
def test_scores_and_answers_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    kind, build = ALL[family]
    build(tmp_path)
    generator = load(tmp_path)
    auto = AutoModelForCausalLM if kind == "causal" else AutoModelForSeq2SeqLM
    theirs = auto.from_pretrained(tmp_path, dtype=torch.float32).eval()
    expected = truth(generator, theirs, PAIRS)

    assert close(generator.log_likelihood(PAIRS), expected), "with gradient"
    with torch.no_grad():
        assert close(generator.log_likelihood(PAIRS), expected), "without gradient"
        assert close(generator.log_likelihood(PAIRS[3:5]), expected[3:5]), "in another batch"

    prompts = [(pair.x, pair.passages) for pair in PAIRS[::2]]
    for (x, passages), found in zip(prompts, generator.generate(prompts), strict=True):
        context = generator.prompt.context(x, passages, room=ROOM)
        answer = greedy(theirs, context, ROOM)
        assert found.text == text_of(generator.tokenizer, answer, generator.prompt.stops)
        assert found.log_probability == pytest.approx(token_by_token(theirs, context, answer), abs=TOLERANCE)


@pytest.mark.parametrize("family", [n if n in SOME else pytest.param(n, marks=pytest.mark.slow) for n in ALL])
def test_answers_that_go_on_from_what_was_read_before_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    kind, build = ALL[family]
    build(tmp_path)
    generator = load(tmp_path, prompt=LAST)
    auto = AutoModelForCausalLM if kind == "causal" else AutoModelForSeq2SeqLM
    theirs = auto.from_pretrained(tmp_path, dtype=torch.float32).eval()
    prompts = [(x, (h,)) for x in ("where ?", *QUESTIONS) for h in PASSAGES]
    with generator.prepared(room=1 << 20):
        # The first passage is read, then it is known and others are not, then all are known.
        found = [one for some in (prompts[:1], prompts[1:5], prompts[5:]) for one in generator.generate(some)]
        if generator.roads.prefix:
            assert generator.kept is not None
            assert generator.kept.found > generator.kept.asked / 3
        else:
            assert generator.kept is None
    assert generator.kept is None
    for (x, passages), one in zip(prompts, found, strict=True):
        context = generator.prompt.context(x, passages, room=ROOM)
        answer = greedy(theirs, context, ROOM)
        assert one.text == text_of(generator.tokenizer, answer, generator.prompt.stops)
        assert one.log_probability == pytest.approx(token_by_token(theirs, context, answer), abs=TOLERANCE)


@pytest.mark.parametrize("family", ALL)
def test_adapters_are_those_of_peft(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, build = ALL[family]
    build(tmp_path)
    generator = load(tmp_path, LoraConfig(rank=4))
    noise = torch.Generator().manual_seed(1)
    for weight in generator.trained().values():
        weight.data.normal_(std=0.1, generator=noise)
    auto, task = (AutoModelForCausalLM, "CAUSAL_LM") if kind == "causal" else (AutoModelForSeq2SeqLM, "SEQ_2_SEQ_LM")
    settings: Any = peft.LoraConfig(
        r=4, lora_alpha=32, target_modules="all-linear", exclude_modules=LEFT_OUT.get(family), task_type=task
    )
    theirs: Any = peft.get_peft_model(auto.from_pretrained(tmp_path, dtype=torch.float32), settings).eval()
    theirs.load_state_dict(generator.model.state_dict())
    expected = truth(generator, theirs, PAIRS[:6])

    found = generator.log_likelihood(PAIRS[:6])
    assert close(found, expected), "with gradient"
    names, own = list(generator.trained()), dict(theirs.named_parameters())
    ours = torch.autograd.grad(found.sum(), list(generator.trained().values()), allow_unused=True)
    right = gradients(theirs, [own[name] for name in names], [tokens(generator, pair) for pair in PAIRS[:6]])
    for name, a, b in zip(names, ours, right, strict=True):
        assert (a is None) == (b is None), name
        if a is not None:
            assert (a - b).norm() <= 1e-3 * (1 + b.norm()), name
    monkeypatch.setattr("jsarag.models.generator.language_model.MERGING_PAYS", 0)
    with torch.no_grad():
        assert close(generator.log_likelihood(PAIRS[:6]), expected), "without gradient"


UNCHECKPOINTED = {"ctrl", "gpt_neox_japanese", "openai-gpt", "fsmt, two parts"}
"""Families that offer no checkpointing."""


@pytest.mark.parametrize("family", ALL)
def test_checkpointing_changes_no_gradient(family: str, tmp_path: Path) -> None:
    _, build = ALL[family]
    build(tmp_path)
    config = GeneratorConfig(model=str(tmp_path), precision="fp32", lora=None, prompt=FIRST)
    if family in UNCHECKPOINTED:
        with pytest.raises(InputError, match=r"^generator.checkpointing: expected false[^\n]*$"):
            load_generator(replace(config, checkpointing=True), CPU)
        return
    found = []
    for checkpointing in (False, True):
        generator = load_generator(replace(config, checkpointing=checkpointing), CPU)
        scores = generator.log_likelihood(PAIRS[:3])
        found.append(
            (scores.detach(), torch.autograd.grad(scores.sum(), list(generator.trained().values()), allow_unused=True))
        )
    (scores, plain_gradients), (again, gradients_again) = found
    assert torch.equal(scores, again)
    for a, b in zip(plain_gradients, gradients_again, strict=True):
        assert (a is None) == (b is None)
        assert a is None or (a - b).norm() <= 1e-4 * (1 + a.norm())


@pytest.mark.parametrize("family", UNTRAINED)
def test_families_that_cannot_be_trained_are_refused(family: str, tmp_path: Path) -> None:
    {**seq2seq.FAMILIES, **causal.FAMILIES}[family](tmp_path)
    for lora in (None, LoraConfig(rank=4)):
        with pytest.raises(InputError, match=rf"^generator.model: expected another family than {family}[^\n]*$"):
            load(tmp_path, lora)


def test_positions_that_stretch_only_beyond_all_prompts_are_no_hindrance(tmp_path: Path) -> None:
    causal.FAMILIES["llama-dynamic"](tmp_path)
    config = GeneratorConfig(model=str(tmp_path), precision="fp32", prompt=replace(FIRST, max_length=64))
    assert load_generator(config, CPU).roads.cached
    assert not load(tmp_path).roads.cached


@needs_all
@pytest.mark.parametrize(("known", "tried"), [(SHARED | CACHED | SCORED, causal), (TWO_PARTS, seq2seq)])
def test_families_of_quick_roads_are_among_those_tried(known: frozenset[str], tried: Any, tmp_path: Path) -> None:
    found = set()
    for i, build in enumerate(tried.FAMILIES.values()):
        found.add(json.loads((build(tmp_path / str(i)) / "config.json").read_text())["model_type"])
    assert known <= found
