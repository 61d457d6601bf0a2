"""Figures without labels: evidence, likelihood of the accepted answers, baselines, and paired tests of two sides."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import jsarag
from jsarag.display import Silent
from jsarag.evaluation import Case, EvaluationConfig, evaluate, measure_baselines, paired
from jsarag.evaluation.baselines import WordMatch
from jsarag.evaluation.likelihood import marginal_log_likelihood, token_log_likelihoods
from jsarag.evaluation.pairing import means_only
from jsarag.evaluation.retrieval import retrieve
from jsarag.index import Flat, build_index
from jsarag.kb import KnowledgeBase
from jsarag.models import Pair
from jsarag.pipeline import DecodingConfig, Pipeline
from jsarag.types import Example, InputError, Passage

PASSAGES = [
    Passage("lamp", "Lamp", "the lamp is red"),
    Passage("boat", "Boat", "the boat is blue"),
    Passage("stove", "Stove", "two stoves , red and blue , in the tower"),
    Passage("other", "", "nothing of this"),
]


def kb(passages: list[Passage] = PASSAGES) -> KnowledgeBase:
    vectors, kind = torch.eye(len(passages)), Flat()
    return KnowledgeBase(passages, vectors, build_index(vectors.numpy(), kind), "", kind)


def case(question: str, answer: str = "red", gold: tuple[str, ...] = (), **more: Any) -> Case:
    return Case(Example(question, question, (answer,), gold, **more), question)


def pipeline(encoder_model: Path, causal_model: Path) -> Pipeline:
    encoder = jsarag.load_encoder(jsarag.EncoderConfig(str(encoder_model), precision="fp32"))
    generator = jsarag.load_generator(jsarag.GeneratorConfig(str(causal_model), precision="fp32"))
    return Pipeline(encoder, KnowledgeBase.build(PASSAGES, encoder), generator, DecodingConfig(passages=3))


def bm25(documents: list[list[str]], query: list[str]) -> list[float]:
    """The formula of Robertson and Zaragoza in Lucene's form, written out."""
    n, mean = len(documents), sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        score = 0.0
        for word in query:
            held, tf = sum(word in other for other in documents), document.count(word)
            idf = math.log(1 + (n - held + 0.5) / (held + 0.5))
            score += idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * len(document) / mean))
        scores.append(score)
    return scores


def test_bm25_is_the_formula_and_leaves_out_what_shares_no_word() -> None:
    documents = [f"{h.title} {h.text}".lower().replace(",", "").split() for h in PASSAGES]
    for question in ("the red lamp ?", "red red boat", "Stoves", "nothing of red this"):
        scores = bm25(documents, question.lower().replace("?", "").split())
        order = [i for i in sorted(range(4), key=lambda i: -scores[i]) if scores[i] > 0]
        (found,) = WordMatch(kb()).rank([case(question)], 4)
        assert found == [PASSAGES[i].id for i in order]
        assert WordMatch(kb()).rank([case(question)], 1) == [found[:1]]
    assert WordMatch(kb()).rank([case("zzz ?")], 4) == [[]]


def test_bm25_reads_letters_of_scripts_without_blanks_alone_and_no_null_passage() -> None:
    passages = [Passage("a", "", "猫在睡觉"), Passage("b", "", "狗在吃饭"), Passage("null", "", "")]
    assert WordMatch(kb(passages)).rank([case("猫 ?"), case("吃")], 3) == [["a"], ["b"]]


def test_baselines_have_the_figures_of_the_retriever(encoder_model: Path) -> None:
    cases = [case("red lamp", gold=("lamp",)), case("boat", "blue", gold=("stove",)), case("zzz")]
    cases.append(case("blue boat", "blue", gold=("stove",), exclude=("boat",)))
    config, device = EvaluationConfig(cutoffs=(1, 5), resamples=20), torch.device("cpu")
    found = measure_baselines(("bm25", str(encoder_model)), kb(), cases, 2, config, device, Silent())
    own = found.summary["baseline:bm25"]
    assert own["hit@1"]["mean"] == pytest.approx(2 / 3)  # the third has no label; of the last the best is excluded
    assert [row["baseline:bm25/answer@1"] for row in found.rows] == [1, 1, 0, 1]
    assert {"hit@1", "mrr@5", "answer@1", "answer@2", "words@2"} <= set(own)
    assert set(found.summary[f"baseline:{encoder_model.name}"]) == set(own)


def test_two_baselines_of_one_name_and_an_unknown_encoder_are_refused(encoder_model: Path) -> None:
    config, device = EvaluationConfig(resamples=20), torch.device("cpu")
    with pytest.raises(InputError, match="another baseline has the same name"):
        measure_baselines(("bm25", "x/bm25"), kb(), [case("red")], 2, config, device, Silent())
    with pytest.raises(InputError, match=r"no model at .\./nowhere."):
        measure_baselines(("./nowhere",), kb(), [case("red")], 2, config, device, Silent())
    with pytest.raises(InputError, match=r"evaluation\.baselines"):
        EvaluationConfig(baselines=("bm25", "bm25"))


@torch.inference_mode()
def test_likelihood_a_token_is_the_sum_over_passages(encoder_model: Path, causal_model: Path) -> None:
    one = pipeline(encoder_model, causal_model)
    cases = [case("red lamp"), case("boat", "blue key in the tower"), *(case(f"key {i}", "key") for i in range(17))]
    hs = retrieve(one, cases)
    found = token_log_likelihoods(one, cases, hs)
    for i in (0, 1, 18):
        y = cases[i].example.outputs[0]
        scores = one.generator.log_likelihood([Pair(cases[i].x, (h.passage,), y) for h in hs[i]])
        total = math.log(sum(h.probability * math.exp(s) for h, s in zip(hs[i], scores.tolist(), strict=True)))
        tokens = int(one.generator.answer_tokens([y])[0])
        assert found["per_token"][i] == pytest.approx(total / tokens, abs=1e-4)
        alone = float(one.generator.log_likelihood([Pair(cases[i].x, (), y)])[0])
        assert found["closed_book"][i] == pytest.approx(alone / tokens, abs=1e-4)
    assert marginal_log_likelihood(one, cases[:1]) == pytest.approx(
        found["per_token"][0] * int(one.generator.answer_tokens(["red"])[0]), abs=1e-4
    )


def test_the_likelihood_is_measured_where_most_pairs_have_no_labels(encoder_model: Path, causal_model: Path) -> None:
    one, config = (
        pipeline(encoder_model, causal_model),
        EvaluationConfig(resamples=20, answers=False, closed_book=False),
    )
    bare, labelled = case("red lamp"), case("boat", "blue", gold=("boat",))

    def blocks(*cases: Case, likelihood: bool | None = None) -> set[str]:
        return set(evaluate(one, None, cases, replace(config, likelihood=likelihood), Silent()).summary)

    assert "likelihood" in blocks(bare, case("key"), labelled)
    assert "likelihood" not in blocks(bare, labelled)
    assert "likelihood" in blocks(labelled, likelihood=True)
    assert "likelihood" not in blocks(bare, likelihood=False)
    assert "evidence" in blocks(bare)


def rows(**scores: list[float | None]) -> list[dict[str, Any]]:
    columns = {name.replace("__", "/"): values for name, values in scores.items()}
    number = len(next(iter(columns.values())))
    return [
        {"id": str(i), **{name: values[i] for name, values in columns.items() if values[i] is not None}}
        for i in range(number)
    ]


def test_paired_tests() -> None:
    """Six examples gain: 2 of 2^6 sign patterns are as far from 0. Where one lacks the score, it does not count."""
    before = rows(a__x=[0.0] * 6, a__y=[0.5] * 6, a__z=[None, 0.0, 0.0, 0.0, 0.0, 0.0])
    after = rows(a__x=[1.0] * 6, a__y=[0.5] * 6, a__z=[None, 1.0, 0.0, 0.0, 0.0, 0.0])
    found = paired(before, after, resamples=200)
    assert found["a/x"]["p"] == pytest.approx(2 / 64)
    assert (found["a/x"]["before"], found["a/x"]["after"], found["a/x"]["mean"]) == (0, 1, 1)
    assert (found["a/y"]["p"], found["a/y"]["mean"]) == (1, 0)
    assert found["a/z"]["examples"] == 5
    assert found["a/z"]["mean"] == pytest.approx(0.2)
    assert paired(before, after, [("a/y", "a/x")], resamples=200)["a/x"]["mean"] == 0.5
    with pytest.raises(ValueError, match="same examples"):
        paired(before[1:], after[:-1])


def test_a_figure_that_is_no_mean_is_not_tested() -> None:
    found = paired(rows(a__x=[0.0, 0.0], a__y=[0.0, 0.0]), rows(a__x=[1.0, 0.0], a__y=[1.0, 0.0]), resamples=50)
    before: dict[str, Any] = {"a": {"x": {"mean": 0.0}, "y": {"mean": 0.0}}}
    after: dict[str, Any] = {"a": {"x": {"mean": 0.5}, "y": {"mean": 0.4}}}
    assert list(means_only(found, before, after)) == ["a/x"]
