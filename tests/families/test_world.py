"""The tiny families themselves: each loads like a published model, and is what its name says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

from jsarag.models.roads import UNTRAINED
from tests.families import causal, seq2seq
from tests.families.build import EOS, VOCABULARY, Builder
from tests.families.reference import greedy, plain, start, total

Load = Callable[[Builder], Any]


def tokens(n: int, seed: int = 0) -> list[int]:
    return Random(seed).choices(range(EOS + 1, VOCABULARY), k=n)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def build_and_load(build: Builder) -> Any:
        folder = build(tmp_path)
        auto: Any = AutoModelForSeq2SeqLM if build in seq2seq.FAMILIES.values() else AutoModelForCausalLM
        model, report = auto.from_pretrained(folder, output_loading_info=True)
        assert not any(report.values()), report
        assert len(AutoTokenizer.from_pretrained(folder)) == VOCABULARY
        assert sum(weight.numel() for weight in model.parameters()) < 500_000
        return model.eval()

    return build_and_load


@torch.no_grad()
@pytest.mark.parametrize("name", [name for name in causal.FAMILIES if name == "reformer" or name not in UNTRAINED])
def test_a_decoder_tells_answers_apart_and_sees_nothing_ahead(name: str, load: Load) -> None:
    model = load(causal.FAMILIES[name])
    context = tokens(60)
    scores = [plain(model, context, [token, 9, EOS]) for token in (7, 8, 10)]
    assert all(-300 < score < 0 for score in scores)
    assert max(scores) - min(scores) > 0.1
    assert abs(plain(model, [*context[:-1], 7], [8, EOS]) - plain(model, [*context[:-1], 8], [8, EOS])) > 0.001
    one, other = [*context, *tokens(20, 1)], [*context, *tokens(20, 2)]
    ahead = [model(input_ids=torch.tensor([text]), use_cache=False).logits[0, :60] for text in (one, other)]
    assert_close(*ahead, atol=1e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("name", seq2seq.FAMILIES)
def test_an_encoder_decoder_tells_answers_apart_and_starts_as_it_shifts(name: str, load: Load) -> None:
    model = load(seq2seq.FAMILIES[name])
    context, answer = tokens(60), [7, 9, EOS]
    score = plain(model, context, answer)
    assert -300 < score < 0
    assert abs(score - plain(model, context, [8, 9, EOS])) > 0.01
    assert abs(score - plain(model, context[1:], answer)) > 0.001
    decoder = torch.tensor([[start(model), *answer[:-1]]])
    logits = model(input_ids=torch.tensor([context]), decoder_input_ids=decoder, use_cache=False).logits[0]
    assert total(logits, answer) == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("name", ["mistral-window", "mixtral-window", "starcoder2", "qwen2-window"])
def test_a_window_is_left_behind_by_a_long_text_alone(name: str, load: Load) -> None:
    local = load(causal.FAMILIES[name])
    wide = load(causal.FAMILIES[name])
    wide.config.sliding_window = 512
    for length, same in ((4, True), (40, False)):
        apart = abs(plain(local, tokens(length), [7, 8, EOS]) - plain(wide, tokens(length), [7, 8, EOS]))
        assert (apart < 1e-4) is same


@pytest.mark.parametrize("name", ["llama-dynamic", "phi3-longrope"])
def test_positions_that_stretch_with_the_text_do_so_at_64_tokens(name: str, load: Load) -> None:
    model = load(causal.FAMILIES[name])

    def first(length: int) -> torch.Tensor:
        logits: torch.Tensor = model(input_ids=torch.tensor([tokens(100)[:length]])).logits[0, :30]
        return logits

    assert_close(first(40), first(60), atol=1e-4, rtol=0)
    assert (first(40) - first(90)).abs().max() > 0.1


def test_greedy_is_the_likeliest_step_by_step(load: Load) -> None:
    model = load(causal.FAMILIES["llama"])
    context = tokens(20)
    answer = greedy(model, context, 3)
    others = [[*answer[:-1], token] for token in range(VOCABULARY)]
    assert max(others, key=lambda other: plain(model, context, other)) == answer


def test_what_is_left_out_is_not_there() -> None:
    for families in (causal, seq2seq):
        assert not set(families.NOT_BUILT) & set(families.FAMILIES)
