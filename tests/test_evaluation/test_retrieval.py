"""Retrieval figures where a null passage stands among the found ones by rule, and of what an answer is given."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log2
from typing import cast

import pytest
import torch
from torch import Tensor

from jsarag.evaluation import Case, EvaluationConfig, evaluate_retrieval
from jsarag.evaluation.retrieval import measure_retrieval, retrieve
from jsarag.evaluation.sheet import Sheet, as_row
from jsarag.index import Flat, build_index
from jsarag.kb import KnowledgeBase
from jsarag.models import Encoder, Generator
from jsarag.pipeline import DecodingConfig, Pipeline
from jsarag.retriever import Retriever
from jsarag.types import Example, InputError, Passage


def prior(encoder: Encoder, kb: KnowledgeBase) -> dict[str, Retriever]:
    return {"prior": Retriever(encoder, kb)}


class Fixed:
    """Queries whose scores on the passages a, b, c and null are 3, 2, 1 and -6."""

    scale = 1.0

    def embed_queries(self, xs: Sequence[str]) -> Tensor:
        return torch.tensor([[3.0, 2.0, 1.0]] * len(xs))


def base(*, null: bool = False) -> KnowledgeBase:
    passages, vectors, kind = [Passage(name, "", name) for name in "abc"], torch.eye(3), Flat()
    if null:
        passages, vectors = [*passages, Passage("null", "", "")], torch.cat([vectors, -torch.ones(1, 3)])
    return KnowledgeBase(passages, vectors, build_index(vectors.numpy(), kind), "", kind)


@pytest.mark.parametrize("null", [False, True])
@pytest.mark.parametrize(("gold", "rank"), [("a", 1), ("b", 2), ("c", 3)])
def test_the_null_passage_takes_the_place_of_no_other(null: bool, gold: str, rank: int) -> None:
    kb = base(null=null)
    assert (kb.search(torch.tensor([[3.0, 2.0, 1.0]]), 2)[1][0, -1].item() == 3) == null
    case = Case(Example("1", "x", ("y",), (gold,)), "x")
    for k in (1, 2, 3):
        found = evaluate_retrieval(prior(cast(Encoder, Fixed()), kb), [case], [k])["prior"]
        assert found[f"recall@{k}"] == [rank <= k]
        assert found[f"mrr@{k}"] == [1 / rank if rank <= k else 0]


@pytest.mark.parametrize("null", [False, True])
def test_an_excluded_passage_is_out_of_the_ranking(null: bool) -> None:
    """a, b, c in this order. Without a the ranking is b, c: searched deeper, so that two are found with k 2."""
    encoder, kb = cast(Encoder, Fixed()), base(null=null)
    cases = [
        Case(Example("1", "x", ("y",), ("c",), exclude=("a",)), "x"),
        Case(Example("2", "x", ("y",), ("b",), exclude=("a", "c")), "x"),
        Case(Example("3", "x", ("y",), ("c",)), "x"),
    ]
    for k, ranks in ((1, (None, 1, None)), (2, (2, 1, None)), (3, (2, 1, 3))):
        found = evaluate_retrieval(prior(encoder, kb), cases, [k])["prior"]
        assert found[f"mrr@{k}"] == [1 / rank if rank else 0 for rank in ranks]


def test_grades_count() -> None:
    """a of grade 1 is first, b of grade 3 second."""
    cases = [Case(Example("1", "x", ("y",), ("b", "a"), grades=(3, 1)), "x")]
    found = evaluate_retrieval(prior(cast(Encoder, Fixed()), base()), cases, [3])["prior"]
    second = 1 / log2(3)
    assert found["ndcg@3"] == pytest.approx([(1 + 3 * second) / (3 + second)])
    assert (found["hit@3"], found["mrr@3"], found["recall@3"]) == ([1], [1], [1])


@pytest.mark.parametrize("null", [False, True])
def test_answers_are_not_made_from_excluded_passages(null: bool) -> None:
    def given(k: int) -> list[list[tuple[str, float]]]:
        pipeline = Pipeline(cast(Encoder, Fixed()), base(null=null), cast(Generator, None), DecodingConfig("top-1", k))
        return [[(h.passage.id, h.probability) for h in hs] for hs in retrieve(pipeline, cases)]

    cases = [Case(Example("1", "x", ("y",), exclude=("a",)), "x"), Case(Example("2", "x", ("y",)), "x")]
    assert given(1) == [[("b", 1)], [("a", 1)]]
    first, second = given(2)
    last, score = ("null", -6) if null else ("c", 1)
    odds = exp(2 - score)
    assert [h for h, _ in first] == ["b", last]
    assert [p for _, p in first] == pytest.approx([odds / (1 + odds), 1 / (1 + odds)])
    assert [h for h, _ in second] == ["a", "null" if null else "b"]
    most = 3 if null else 2
    assert len(given(most)[0]) == most
    with pytest.raises(InputError, match=f"decoding.passages: expected at most {most}, since pairs exclude up to 1"):
        given(most + 1)


def test_a_probability_beside_an_excluded_passage_is_not_lost() -> None:
    """At this scale the other passages have probability 0 beside a, as rounded."""
    encoder = Fixed()
    encoder.scale = 200.0
    pipeline = Pipeline(cast(Encoder, encoder), base(), cast(Generator, None), DecodingConfig("top-1", 2))
    (hs,) = retrieve(pipeline, [Case(Example("1", "x", ("y",), exclude=("a",)), "x")])
    assert [(h.passage.id, h.probability) for h in hs] == [("b", 1), ("c", pytest.approx(exp(-200)))]


def test_the_null_passage_is_no_selection() -> None:
    """Two passages are given, the second the null passage by rule: a alone is selected. Gold a, null and a, null."""
    cases = [Case(Example(str(i), "x", ("y",), gold), "x") for i, gold in enumerate([("a",), ("null", "a"), ("null",)])]
    pipeline = Pipeline(cast(Encoder, Fixed()), base(null=True), cast(Generator, None), DecodingConfig("top-1", 2))
    retrieved = pipeline.retrieve([case.x for case in cases])
    assert [h.passage.id for h in retrieved[0]] == ["a", "null"]
    sheet = Sheet([as_row(case.example, hs) for case, hs in zip(cases, retrieved, strict=True)], resamples=20)
    measure_retrieval(sheet, pipeline, None, cases, EvaluationConfig(cutoffs=(1,)))
    found = {name: estimate["mean"] for name, estimate in sheet.summary["selection"].items()}
    assert found == {"precision": 1, "recall": 1, "f1": 1, "exact": 1}
    assert [row.get("selection/exact") for row in sheet.rows] == [1, 1, None]


def test_selection_pools_the_passages_that_answers_are_given() -> None:
    """a and b are given to all. Gold a: 1 of 2 right, 1 of 1 found; gold c, a: 1 of 2 and 1 of 2; the third: none."""
    cases = [Case(Example(str(i), "x", ("y",), gold), "x") for i, gold in enumerate([("a",), ("c", "a"), ()])]
    pipeline = Pipeline(cast(Encoder, Fixed()), base(), cast(Generator, None), DecodingConfig("top-1", 2))
    retrieved = pipeline.retrieve([case.x for case in cases])
    sheet = Sheet([as_row(case.example, hs) for case, hs in zip(cases, retrieved, strict=True)], resamples=20)
    measure_retrieval(sheet, pipeline, None, cases, EvaluationConfig(cutoffs=(1,)))
    found = {name: estimate["mean"] for name, estimate in sheet.summary["selection"].items()}
    assert found == pytest.approx({"precision": 2 / 4, "recall": 2 / 3, "f1": 4 / 7, "exact": 0})
    assert [row.get("selection/recall") for row in sheet.rows] == [1, 1 / 2, None]
