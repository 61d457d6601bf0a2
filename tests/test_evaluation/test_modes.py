"""Several modes of decoding measured side by side: the same figures as one by one, cost as the generator counts it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from jsarag.data import load_examples, load_passages
from jsarag.decoding import DECODERS
from jsarag.display import Silent
from jsarag.evaluation import Case, EvaluationConfig, evaluate, evaluate_modes
from jsarag.kb import KnowledgeBase
from jsarag.models import EncoderConfig, GeneratorConfig, PromptConfig, load_encoder, load_generator
from jsarag.pipeline import DecodingConfig, Pipeline
from jsarag.types import Example, InputError, Passage

CONFIG = EvaluationConfig(cutoffs=(1, 3), limit=4, resamples=20)


@pytest.fixture(scope="module")
def pipeline(data: Path, encoder_model: Path, causal_model: Path) -> Pipeline:
    cpu = torch.device("cpu")
    encoder = load_encoder(EncoderConfig(model=str(encoder_model), precision="fp32"), cpu)
    generator = load_generator(GeneratorConfig(model=str(causal_model), precision="fp32", max_new_tokens=4), cpu)
    kb = KnowledgeBase.build(load_passages(data / "passages.jsonl"), encoder)
    return Pipeline(encoder, kb, generator, DecodingConfig("top-1", 3))


@pytest.fixture(scope="module")
def cases(data: Path) -> list[Case]:
    return [Case(example, example.input) for example in load_examples(data / "test.jsonl")]


def alone(pipeline: Pipeline, cases: list[Case], mode: str) -> Any:
    chosen = replace(pipeline, decoding=replace(pipeline.decoding, mode=mode))
    return evaluate(chosen, pipeline.prior, cases, CONFIG, Silent())


def test_every_mode_has_the_figures_and_rows_it_has_alone(pipeline: Pipeline, cases: list[Case]) -> None:
    together = evaluate_modes(pipeline, pipeline.prior, cases, CONFIG, list(DECODERS), Silent())
    assert list(together.summary["modes"]) == list(DECODERS)
    for mode, found in together.summary["modes"].items():
        single = alone(pipeline, cases, mode)
        shared = {block: figures for block, figures in together.summary.items() if block in single.summary}
        own = {block: figures for block, figures in found.items() if block != "cost"}
        assert shared | own == single.summary
        assert not set(shared) & set(own)
        rows = [row for row in together.rows if row["mode"] == mode]
        assert [{k: v for k, v in row.items() if k != "mode"} for row in rows] == single.rows[:4]
    assert len(together.rows) == 4 * len(DECODERS)


def test_cost_is_what_the_generator_counts(pipeline: Pipeline, cases: list[Case]) -> None:
    found = evaluate_modes(pipeline, None, cases, CONFIG, list(DECODERS), Silent()).summary["modes"]
    judged = [case.x for case in cases[:4]]
    for mode in DECODERS:
        before = pipeline.generator.tokens_scored
        replace(pipeline, decoding=DecodingConfig(mode, 3)).answer(judged)
        assert found[mode]["cost"]["tokens"] == (pipeline.generator.tokens_scored - before) / 4
        assert found[mode]["cost"]["seconds"] > 0
    cheap, dear = found["top-1"]["cost"]["tokens"], found["rag-sequence-thorough"]["cost"]["tokens"]
    assert cheap < found["rag-sequence-fast"]["cost"]["tokens"] < dear


class Listening(Silent):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines = list[str]()

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize(("length", "held"), [(None, 3), (6, 2), (2, 1)])
def test_only_passages_that_a_prompt_holds_count_as_read(
    causal_model: Path, pipeline: Pipeline, cases: list[Case], length: int | None, held: int
) -> None:
    """Passages of three words with a separator of one; six words hold the first and half of the second."""
    texts = {"1": "red red red", "2": "blue blue blue", "3": "seven seven seven"}
    passages = [Passage(name, "", text) for name, text in texts.items()]
    prompt = PromptConfig(passage="{text}", separator=" , ", passage_length=length)
    config = GeneratorConfig(str(causal_model), precision="fp32", max_new_tokens=4, prompt=prompt)
    generator = load_generator(config, torch.device("cpu"))
    assert generator.reads("who ?", passages) == tuple(passages[:held])
    null = Passage("null", "", "")
    assert generator.reads("who ?", [null, *passages]) == tuple(passages[:held])
    assert generator.reads("who ?", [null]) == (null,)

    short = replace(pipeline, kb=KnowledgeBase.build(passages, pipeline.prior), generator=generator)
    (last,) = {h[-1].passage.id for h in short.retrieve([cases[0].x])}
    case = Case(Example("1", cases[0].x, (texts[last],), (last,)), cases[0].x)
    display = Listening()
    found = evaluate_modes(short, None, [case], CONFIG, ["concat", "rag-token", "top-1"], display)
    read = {row["mode"]: (row["attribution/reference_in_passages"], row["combination"]) for row in found.rows}
    everything = held == 3
    assert read["concat"] == (float(everything), "read_wrong" if everything else "missed_wrong")
    assert read["rag-token"] == (1, "read_wrong")
    assert read["top-1"] == (0, "missed_wrong")
    warning = f"concat: prompts hold {held}.0 passages of 3.0 on average; generator.prompt.passage_length is {length}"
    assert display.lines == ([] if everything else [warning])


def test_retrieval_is_measured_once(pipeline: Pipeline, cases: list[Case], monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    search = KnowledgeBase.search

    def counted(kb: KnowledgeBase, queries: torch.Tensor, *options: Any) -> Any:
        searched.append(len(queries))
        return search(kb, queries, *options)

    monkeypatch.setattr(KnowledgeBase, "search", counted)
    evaluate_modes(pipeline, None, cases, CONFIG, ["top-1"], Silent())
    once = list(searched)
    searched.clear()
    evaluate_modes(pipeline, None, cases, CONFIG, list(DECODERS), Silent())
    assert searched == once


def test_an_unknown_mode_is_refused_with_the_names(pipeline: Pipeline, cases: list[Case]) -> None:
    with pytest.raises(InputError, match="expected one of top-1, rag-sequence-fast"):
        evaluate_modes(pipeline, None, cases, CONFIG, ["top-2"], Silent())
