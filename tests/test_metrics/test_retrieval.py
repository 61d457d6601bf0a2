"""Retrieval figures against values worked by hand."""

from __future__ import annotations

from collections.abc import Collection
from math import log2

import pytest

from jsarag.metrics import retrieval_scores

# Discounts of ranks 1, 2, 3: 1, 1/log2(3), 1/2.
SECOND, THIRD = 1 / log2(3), 1 / 2

TABLE = [
    # ranking, gold, cutoff, hit, recall, mrr, ndcg
    ("abc", "a", 1, 1, 1, 1, 1),  # gold first
    ("abc", "b", 1, 0, 0, 0, 0),  # gold just beyond the cutoff
    ("abc", "b", 3, 1, 1, 1 / 2, SECOND),  # one gold at rank 2: DCG 1/log2(3), ideal 1
    ("abc", "c", 3, 1, 1, 1 / 3, THIRD),  # the cutoff counts its own rank
    ("abc", "ac", 3, 1, 1, 1, (1 + THIRD) / (1 + SECOND)),  # two gold at ranks 1 and 3, ideal ranks 1 and 2
    ("abc", "bx", 3, 1, 1 / 2, 1 / 2, SECOND / (1 + SECOND)),  # one of two gold was retrieved
    ("abc", "abx", 2, 1, 2 / 3, 1, 1),  # more gold than k: recall stays below 1, the ideal DCG stops at k
    ("abc", "bcx", 1, 0, 0, 0, 0),  # more gold than k, none at rank 1
    ("abc", "x", 3, 0, 0, 0, 0),  # gold not retrieved
    ("b", "b", 5, 1, 1, 1, 1),  # ranking shorter than the cutoff
    ("", "a", 3, 0, 0, 0, 0),  # nothing retrieved
]


@pytest.mark.parametrize(("ranking", "gold", "k", "hit", "recall", "mrr", "ndcg"), TABLE)
def test_table(ranking: str, gold: str, k: int, hit: float, recall: float, mrr: float, ndcg: float) -> None:
    scores = retrieval_scores([list(ranking)], [list(gold)], [k])
    expected = {f"hit@{k}": [hit], f"recall@{k}": [recall], f"mrr@{k}": [mrr], f"ndcg@{k}": [ndcg]}
    assert scores == {name: pytest.approx(values) for name, values in expected.items()}


GRADED = [
    # ranking, grades, cutoff, hit, recall, mrr, ndcg; gains are the grades themselves
    ("ba", {"a": 2, "b": 1, "c": 0}, 10, 1, 1, 1, (1 + 2 * SECOND) / (2 + SECOND)),  # the better one second: 0.8597
    ("ab", {"a": 2, "b": 1}, 10, 1, 1, 1, 1),  # the ideal order
    ("ca", {"a": 3, "c": 0}, 10, 1, 1, 1 / 2, SECOND),  # grade 0 was judged not to be right: neither found nor missed
    ("ba", {"a": 2, "b": 1}, 1, 1, 1 / 2, 1, 1 / 2),  # the ideal list has a first
    ("b", {"b": 1, "x": -1}, 1, 1, 1, 1, 1),  # a grade below 0, as TREC-COVID has, is not right either
]


@pytest.mark.parametrize(("ranking", "grades", "k", "hit", "recall", "mrr", "ndcg"), GRADED)
def test_grades_count_in_ndcg_alone(
    ranking: str, grades: dict[str, int], k: int, hit: float, recall: float, mrr: float, ndcg: float
) -> None:
    scores = retrieval_scores([list(ranking)], [grades], [k])
    expected = {f"hit@{k}": [hit], f"recall@{k}": [recall], f"mrr@{k}": [mrr], f"ndcg@{k}": [ndcg]}
    assert scores == {name: pytest.approx(values) for name, values in expected.items()}


def test_grades_of_one_are_no_grades() -> None:
    rankings, gold = [list("abcd"), list("dcba")], [["b", "x"], ["a"]]
    graded = [dict.fromkeys(right, 1) for right in gold]
    assert retrieval_scores(rankings, graded, [1, 3]) == retrieval_scores(rankings, gold, [1, 3])


def test_values_keep_the_order_of_the_examples() -> None:
    """Twelve examples, so that ids sorted as text (0, 1, 10, 11, 2) would show; gold at rank i + 1 of example i."""
    ids = [f"p{i}" for i in range(12)]
    scores = retrieval_scores([ids] * 12, [{h} for h in ids], [1, 5, 12])
    assert scores["mrr@12"] == pytest.approx([1 / (i + 1) for i in range(12)])
    assert scores["mrr@5"] == pytest.approx([1 / (i + 1) if i < 5 else 0 for i in range(12)])
    assert scores["hit@1"] == [1.0] + [0.0] * 11
    assert set(scores) == {f"{name}@{k}" for name in ("hit", "recall", "mrr", "ndcg") for k in (1, 5, 12)}


def test_ids_are_free_text() -> None:
    """Equal scores would be ordered by id, and TREC files split at blanks: neither may matter here."""
    scores = retrieval_scores([["z z", "é/1", "a"]], [["é/1"]], [1, 2])
    assert (scores["hit@1"], scores["mrr@2"]) == ([0.0], [0.5])


def test_no_examples_give_no_values() -> None:
    assert retrieval_scores([], [], [1]) == {"hit@1": [], "recall@1": [], "mrr@1": [], "ndcg@1": []}


@pytest.mark.parametrize(
    ("rankings", "gold", "cutoffs", "message"),
    [
        ([["a"], ["b"]], [["a"], []], [1], "example 1 has no gold"),
        ([["a"]], [{"a": 0}], [1], "example 0 has no gold"),
        ([["a"]], [["a"], ["b"]], [1], "got 1 and 2"),
        ([["a", "b", "a"]], [["a"]], [1], "ranking 0 names a passage twice"),
        ([["a"]], [["a"]], [0], "cutoffs above 0"),
        ([["a"]], [["a"]], [], "cutoffs above 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    rankings: list[list[str]], gold: list[Collection[str]], cutoffs: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        retrieval_scores(rankings, gold, cutoffs)
