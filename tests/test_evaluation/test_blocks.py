"""The blocks of an evaluation on four examples, every figure worked by hand; no model is involved."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from jsarag.evaluation.answers import judge, judge_closed_book
from jsarag.evaluation.attribution import measure_attribution
from jsarag.evaluation.calibration import measure_calibration
from jsarag.evaluation.sheet import Case, Sheet, as_row
from jsarag.index import Flat, build_index
from jsarag.kb import KnowledgeBase
from jsarag.types import Example, Passage, Retrieved, Turn

PASSAGES = [Passage("a", "", "the lamp is red"), Passage("b", "", "the boat is blue"), Passage("c", "", "no lamp")]

TABLE = [
    # gold, passages with probability, answer, closed book; accepted is always red
    ("a", [("a", 0.9), ("b", 0.1)], "red", "green"),  # read, right, in the passage
    ("a", [("b", 0.6), ("a", 0.4)], "blue", "green"),  # read, wrong, in the passage
    ("a", [("c", 0.7), ("b", 0.3)], "red", "red"),  # missed, right, by heart
    ("", [("a", 1.0), ("b", 0.0)], "green", "green"),  # no label; wrong, by heart, against the passage
]


def cases(history: tuple[Turn, ...] = ()) -> list[Case]:
    return [
        Case(Example(str(i), "colour ?", ("red",), tuple(gold), history), "colour ?")
        for i, (gold, *_) in enumerate(TABLE)
    ]


def retrieved() -> list[list[Retrieved]]:
    by = {passage.id: passage for passage in PASSAGES}
    return [[Retrieved(by[name], 0.0, p) for name, p in hs] for _, hs, _, _ in TABLE]


def kb() -> KnowledgeBase:
    vectors, kind = torch.eye(3), Flat()
    return KnowledgeBase(PASSAGES, vectors, build_index(vectors.numpy(), kind), "", kind)


def measured(history: tuple[Turn, ...] = (), *, closed_book: bool = True, labels: bool = True) -> Sheet:
    examples = cases(history)
    sheet = Sheet([as_row(case.example, hs) for case, hs in zip(examples, retrieved(), strict=True)], resamples=20)
    if not labels:
        for row in sheet.rows:
            row["gold"] = []
    measure_calibration(sheet)
    judge(sheet, examples, [answer for _, _, answer, _ in TABLE], kb())
    if closed_book:
        judge_closed_book(sheet, examples, [closed for *_, closed in TABLE])
    measure_attribution(sheet, examples, retrieved())
    return sheet


def means(block: dict[str, Any]) -> dict[str, float]:
    return {name: estimate["mean"] for name, estimate in block.items()}


def test_attribution_over_all_examples() -> None:
    found = means(measured().summary["attribution"])
    assert found == {
        "reference_in_passages": 3 / 4,  # not in the third
        "reference_in_first": 2 / 4,  # first and fourth
        "answer_in_passages": 2 / 4,  # red, and blue
        "answer_in_first": 2 / 4,
        "support": 2 / 4,
        "against": 1 / 4,  # green though the passage says red
        "by_heart": 2 / 4,  # third and fourth
    }


def test_combinations_over_the_examples_with_labels() -> None:
    sheet = measured()
    shares = means(sheet.summary["combinations"])
    assert shares == pytest.approx({"read_right": 1 / 3, "read_wrong": 1 / 3, "missed_right": 1 / 3, "missed_wrong": 0})
    within = means(sheet.summary["combinations_in_passages"])
    assert within == {"read_right": 1, "read_wrong": 1, "missed_right": 0}
    assert means(sheet.summary["combinations_by_heart"]) == {"read_right": 0, "read_wrong": 0, "missed_right": 1}
    names = [row.get("combination") for row in sheet.rows]
    assert names == ["read_right", "read_wrong", "missed_right", None]


def test_a_mode_that_reads_the_first_passage_alone_is_judged_by_it() -> None:
    sheet, examples = measured(), cases()
    measure_attribution(sheet, examples, [hs[:1] for hs in retrieved()])
    assert [row.get("combination") for row in sheet.rows] == ["read_right", "missed_wrong", "missed_right", None]
    assert sheet.summary["attribution"]["reference_in_passages"]["mean"] == 2 / 4


def test_calibration_of_the_first_passage() -> None:
    """0.9 and gold; 0.6 and 0.7 and not: each in a bin of its own."""
    sheet = measured()
    found = means(sheet.summary["calibration"])
    assert found["ece"] == pytest.approx((0.1 + 0.6 + 0.7) / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.49) / 3)
    assert found["probability"] == pytest.approx(2.2 / 3)
    bins = sheet.summary["reliability"]
    assert [(one["low"], one["examples"], one["right"]) for one in bins] == [(0.6, 1, 0), (0.7, 1, 0), (0.9, 1, 1)]
    assert [row.get("calibration/brier") for row in sheet.rows] == pytest.approx([0.01, 0.36, 0.49, None])


def test_what_was_not_measured_is_not_there() -> None:
    bare = measured(closed_book=False, labels=False)
    assert set(bare.summary) == {"answers", "attribution"}
    assert "by_heart" not in bare.summary["attribution"]
    assert "combinations_by_heart" not in measured(closed_book=False).summary
    assert "dialog" not in measured().summary


def test_dialogs_have_their_own_block_with_knowledge_f1_where_there_are_labels() -> None:
    sheet = measured((Turn("user", "which lamp ?"),))
    found = means(sheet.summary["dialog"])
    assert found["f1"] == found["rouge1"] == 2 / 4
    # red against lamp is red: 2 * 1 / (1 + 3); blue: 0; red again.
    assert found["knowledge_f1"] == pytest.approx((1 / 2 + 0 + 1 / 2) / 3)
    assert "dialog/knowledge_f1" not in sheet.rows[3]
