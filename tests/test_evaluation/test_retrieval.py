"""Retrieval figures where a null passage stands among the found ones by rule, and of what an answer is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
import torch
from torch import Tensor

from jsarag.evaluation import Case, EvaluationConfig, evaluate_retrieval
from jsarag.evaluation.retrieval import measure_retrieval
from jsarag.evaluation.sheet import Sheet, as_row
from jsarag.index import IndexConfig, build_index
from jsarag.models import Encoder, Generator
from jsarag.pipeline import DecodingConfig, Pipeline
from jsarag.retrieval import KnowledgeBase
from jsarag.types import Example, Passage


class Fixed:
    """Queries whose scores on the passages a, b, c and null are 3, 2, 1 and -6."""

    scale = 1.0

    def embed_queries(self, xs: Sequence[str]) -> Tensor:
        return torch.tensor([[3.0, 2.0, 1.0]] * len(xs))


def base(*, null: bool = False) -> KnowledgeBase:
    passages, vectors, config = [Passage(name, "", name) for name in "abc"], torch.eye(3), IndexConfig("flat")
    if null:
        passages, vectors = [*passages, Passage("null", "", "")], torch.cat([vectors, -torch.ones(1, 3)])
    return KnowledgeBase(passages, vectors, build_index(vectors.numpy(), config), "", config)


@pytest.mark.parametrize("null", [False, True])
@pytest.mark.parametrize(("gold", "rank"), [("a", 1), ("b", 2), ("c", 3)])
def test_the_null_passage_takes_the_place_of_no_other(null: bool, gold: str, rank: int) -> None:
    kb = base(null=null)
    assert (kb.search(torch.tensor([[3.0, 2.0, 1.0]]), 2)[1][0, -1].item() == 3) == null
    case = Case(Example("1", "x", ("y",), (gold,)), "x")
    for k in (1, 2, 3):
        found = evaluate_retrieval(cast(Encoder, Fixed()), None, kb, [case], [k])["prior"]
        assert found[f"recall@{k}"] == [rank <= k]
        assert found[f"mrr@{k}"] == [1 / rank if rank <= k else 0]


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
