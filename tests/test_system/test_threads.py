"""Many threads on one pipeline: every answer is the one that is given when nobody else asks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from threading import Barrier
from typing import Any

import pytest
import torch
from tokenizers import processors
from transformers import PreTrainedTokenizerFast

from jsarag.decoding import DECODERS, Direct
from jsarag.kb import KnowledgeBase
from jsarag.models import (
    Encoder,
    EncoderConfig,
    GeneratorConfig,
    LoraConfig,
    PromptConfig,
    load_encoder,
    load_generator,
)
from jsarag.models.precision import Precision
from jsarag.models.prompt import Prompt
from jsarag.models.roads import Roads
from jsarag.pipeline import DecodingConfig, Pipeline
from jsarag.types import Passage
from tests import tiny
from tests.encoders import MADE, save
from tests.world import COLOURS, THINGS

THREADS = 16
CPU = torch.device("cpu")
PLAIN = Roads(padded=False, prefix=False, cached=False)
ABOUT = [(thing, colour) for thing in THINGS for colour in COLOURS]
PASSAGES = [
    Passage(f"{i}", t, f"the {c} {t} is in the tower at {i} {'</s> ' * (i % 2)}") for i, (t, c) in enumerate(ABOUT)
]
# Dialogs that the encoder has to cut, and texts that read like control tokens.
XS = [
    f"{'the keeper asks ' * (20 * (i % 2))}where is the {c} {t} ? {'</s>' * (i % 3 == 0)}"
    for i, (t, c) in enumerate(ABOUT)
]
YS = [f"the {c} {'of Ada ' * (i % 4)}" for i, (_, c) in enumerate(ABOUT)]
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beam": {"search": "beam", "beams": 2},
    "sample": {"search": "sample", "temperature": 0.8, "top_p": 0.9, "seed": 3},
}
Call = Callable[[Pipeline], Any]


def answered(mode: str, search: str, xs: list[str], pipeline: Pipeline) -> Any:
    return replace(pipeline, decoding=DecodingConfig(mode, 3, **SEARCHES[search])).answer(xs)


def streamed(mode: str, x: str, pipeline: Pipeline) -> Any:
    stream = replace(pipeline, decoding=DecodingConfig(mode, 3)).stream(x)
    return "".join(stream), stream.answer


def likelihood(mode: str, i: int, pipeline: Pipeline) -> float:
    return replace(pipeline, decoding=DecodingConfig(mode, 3)).log_likelihood(XS[i : i + 3], YS[i : i + 3])


def embedded(i: int, pipeline: Pipeline) -> Any:
    with torch.no_grad():
        return pipeline.prior.embed_pairs(XS[i : i + 4], YS[i : i + 4]).tolist()


def encoded(i: int, pipeline: Pipeline) -> Any:
    with torch.no_grad():
        passages = [replace(h, text=f"{h.text} " * (20 * (n % 2) + 1)) for n, h in enumerate(pipeline.kb.passages)]
        return pipeline.prior.embed_passages(passages[i : i + 4]).tolist()


def found(i: int, pipeline: Pipeline) -> Any:
    return pipeline.retrieve(XS[i : i + 4], 5)


def from_memory(i: int, pipeline: Pipeline) -> Any:
    return pipeline.answer_without_passages(XS[i : i + 2])


def calls() -> list[Call]:
    """Everything that a pipeline is asked for, each with texts of its own."""
    modes: list[Call] = []
    for n, (mode, search) in enumerate(product(DECODERS, SEARCHES)):
        modes.append(partial(answered, mode, search, [XS[n % 12], XS[(n + 5) % 12]]))
    modes += [partial(streamed, mode, XS[n]) for n, mode in enumerate(DECODERS) if isinstance(DECODERS[mode], Direct)]
    modes += [partial(likelihood, mode, n) for n, mode in enumerate(DECODERS)]
    return [*modes, *(partial(ask, i) for ask in (embedded, encoded, found, from_memory) for i in (0, 4, 8))]


def load(encoder: Path, generator: Path, precision: Precision, lora: bool, roads: Roads | None) -> Pipeline:
    """A pipeline with adapters that do something."""
    prior = load_encoder(EncoderConfig(str(encoder), precision=precision), CPU)
    config = GeneratorConfig(
        str(generator),
        lora=LoraConfig(rank=4) if lora else None,
        precision=precision,
        max_new_tokens=4,
        prompt=PromptConfig(max_length=160),
    )
    torch.manual_seed(0)
    made = load_generator(config, CPU)
    for weight in made.trained().values():
        weight.data += 0.1 * torch.randn(weight.shape)
    made.roads = roads or made.roads
    return Pipeline(prior, KnowledgeBase.build(PASSAGES, prior), made, DecodingConfig("top-1", 3))


def attack(make: Callable[[], Pipeline], times: int) -> None:
    """Compare the answers of many threads, each call made so many times, with those that a copy gave one by one."""
    asked = calls()
    alone, shared, start = make(), make(), Barrier(THREADS)
    expected = [ask(alone) for ask in asked]
    order = Random(0).sample(times * list(range(len(asked))), times * len(asked))

    def thread(number: int) -> list[tuple[int, Any]]:
        start.wait()
        return [(i, asked[i](shared)) for i in order[number::THREADS]]

    with ThreadPoolExecutor(THREADS) as pool:
        for answers in pool.map(thread, range(THREADS)):
            for i, answer in answers:
                assert answer == expected[i], asked[i]
    assert shared.generator.tokens_scored == times * alone.generator.tokens_scored


@pytest.fixture(autouse=True)
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads that give way to each other often, and adapters that are prepared for however few tokens."""
    monkeypatch.setattr("jsarag.models.generator.language_model.MERGING_PAYS", 0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize(
    ("family", "precision", "lora", "roads"),
    [
        ("causal", "bf16", False, None),
        ("causal", "fp32", True, PLAIN),
        ("seq2seq", "fp32", True, None),
    ],
)
def test_sixteen_threads_get_the_answers_of_one(
    request: pytest.FixtureRequest,
    encoder_model: Path,
    family: str,
    precision: Precision,
    lora: bool,
    roads: Roads | None,
) -> None:
    attack(lambda: load(encoder_model, request.getfixturevalue(f"{family}_model"), precision, lora, roads), 1)


@pytest.mark.slow
@pytest.mark.parametrize("roads", [None, PLAIN])
@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("family", ["causal", "chat", "seq2seq"])
def test_sixteen_threads_get_the_answers_of_one_for_long(
    request: pytest.FixtureRequest,
    encoder_model: Path,
    family: str,
    precision: Precision,
    lora: bool,
    roads: Roads | None,
) -> None:
    attack(lambda: load(encoder_model, request.getfixturevalue(f"{family}_model"), precision, lora, roads), 50)


def in_turn(work: Callable[[Any], Any], cases: list[Any]) -> list[tuple[Any, Any]]:
    """What many threads find at once, each of them all cases in an order of its own."""
    start = Barrier(THREADS)

    def thread(number: int) -> list[tuple[Any, Any]]:
        start.wait()
        return [(case, work(case)) for case in Random(number).sample(cases, len(cases))]

    with ThreadPoolExecutor(THREADS) as pool:
        return [found for each in pool.map(thread, range(THREADS)) for found in each]


class TwoSided(PreTrainedTokenizerFast):
    """As those of seamless-m4t and Marian: while it reads a target, a setting of the tokenizer itself is another."""

    def _switch_to_target_mode(self) -> None:
        self.backend_tokenizer.post_processor = ends("</s> <s> $A </s>")

    def _switch_to_input_mode(self) -> None:
        self.backend_tokenizer.post_processor = ends("<s> $A </s>")


def ends(single: str) -> Any:
    return processors.TemplateProcessing(single=single, special_tokens=[("<s>", 4), ("</s>", 5)])


def test_sixteen_threads_get_the_tokens_of_one(tmp_path: Path) -> None:
    tiny.tokenizer(tmp_path)

    def prompt() -> Prompt:
        made: Any = TwoSided.from_pretrained(tmp_path)
        made._switch_to_input_mode()
        return Prompt(PromptConfig(), made, two_part=True)

    alone, shared = prompt(), prompt()
    cases = [(x, h) for x in XS for h in PASSAGES]

    def tokens(prompt: Prompt, x: str, h: Passage) -> Any:
        return prompt.context(x, (h,), room=4), prompt.answer(f"{x} {h.text}"), prompt.read(x, (h, h), room=400)

    expected = {case: tokens(alone, *case) for case in cases}
    for case, found in in_turn(lambda case: tokens(shared, *case), cases):
        assert found == expected[case], case


def vectors(name: str, folder: Path, times: int) -> None:
    config = EncoderConfig(str(save(name, folder)), precision="fp32")
    alone, shared = load_encoder(config, CPU), load_encoder(config, CPU)

    def embed(encoder: Encoder, kind: str, i: int) -> Any:
        texts = XS[i : i + 4]
        with torch.no_grad():
            if kind == "queries":
                return encoder.embed_queries(texts).tolist()
            if kind == "pairs":
                return encoder.embed_pairs(texts, YS[i : i + 4]).tolist()
            return encoder.embed_passages([Passage(x, "", x) for x in texts]).tolist()

    cases = [(kind, i) for kind in ("queries", "pairs", "passages") for i in range(8)]
    expected = {case: embed(alone, *case) for case in cases}
    for case, found in in_turn(lambda case: embed(shared, *case), times * cases):
        assert found == expected[case], case


@pytest.mark.parametrize("name", ["bert", "qwen3"])
def test_sixteen_threads_get_the_vectors_of_one(name: str, tmp_path: Path) -> None:
    vectors(name, tmp_path, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_sixteen_threads_get_the_vectors_of_one_for_long(name: str, tmp_path: Path) -> None:
    vectors(name, tmp_path, 10)
