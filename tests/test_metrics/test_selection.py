"""Selected sets against gold sets: hand-worked tables, scikit-learn's pooled figures, DSTC11's rule of exact match."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from jsarag.metrics import pooled_selection, selection_scores

TABLE = [
    # selected, gold, precision, recall, f1, exact
    ("ab", "ab", 1, 1, 1, 1),
    ("ba", "ab", 1, 1, 1, 1),  # a set has no order
    ("aab", "ab", 1, 1, 1, 1),  # a passage selected twice is selected once
    ("a", "ab", 1, 1 / 2, 2 / 3, 0),
    ("abc", "ab", 2 / 3, 1, 4 / 5, 0),
    ("xa", "ab", 1 / 2, 1 / 2, 1 / 2, 0),  # as many, but others
    ("x", "ab", 0, 0, 0, 0),
    ("", "ab", 0, 0, 0, 0),  # nothing selected
]


@pytest.mark.parametrize(("selected", "gold", "precision", "recall", "f1", "exact"), TABLE)
def test_one_set(selected: str, gold: str, precision: float, recall: float, f1: float, exact: float) -> None:
    scores = {name: values[0] for name, values in selection_scores([list(selected)], [list(gold)]).items()}
    assert scores == pytest.approx({"precision": precision, "recall": recall, "f1": f1, "exact": exact})


def test_pooled_figures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    ids = np.array(list("abcdefgh"))
    selected = [list(rng.choice(ids, rng.integers(0, 5), replace=False)) for _ in range(50)]
    gold = [list(rng.choice(ids, rng.integers(1, 4), replace=False)) for _ in range(50)]
    binary = MultiLabelBinarizer(classes=list(ids))
    truth, chosen = binary.fit_transform(gold), binary.transform(selected)
    expected = precision_recall_fscore_support(truth, chosen, average="micro")[:3]
    found = pooled_selection(selected, gold)
    assert [found[name].mean for name in ("precision", "recall", "f1")] == pytest.approx(list(expected))
    assert all(found[name].low < found[name].mean < found[name].high for name in found)


def test_an_example_with_many_gold_passages_weighs_more_when_pooled() -> None:
    """Recall 1 of 1 and 0 of 3: pooled 1/4, mean 1/2; precision 1 of 2 both ways."""
    selected, gold = [["a"], ["x"]], [["a"], ["b", "c", "d"]]
    pooled = pooled_selection(selected, gold)
    assert (pooled["recall"].mean, pooled["precision"].mean) == (1 / 4, 1 / 2)
    assert pooled["f1"].mean == pytest.approx(1 / 3)
    assert selection_scores(selected, gold)["recall"] == [1, 0]


def test_the_interval_is_that_of_a_share() -> None:
    """One passage selected, one gold, 120 of 200 right: precision is a share."""
    found = pooled_selection([["a"]] * 120 + [["b"]] * 80, [["a"]] * 200, resamples=4000)["precision"]
    half = 1.96 * (0.6 * 0.4 / 200) ** 0.5
    assert [found.low, found.mean, found.high] == pytest.approx([0.6 - half, 0.6, 0.6 + half], abs=0.01)


@pytest.mark.parametrize("score", [selection_scores, pooled_selection])
def test_what_cannot_be_scored_is_refused(score: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="got 1 and 2"):
        score([["a"]], [["a"], ["b"]])
    with pytest.raises(ValueError, match="example 1 has no gold"):
        score([["a"], ["b"]], [["a"], []])
    with pytest.raises(ValueError, match="expected an example"):
        pooled_selection([], [])
