"""Figures before and after, as text."""

from __future__ import annotations

import pytest

from jsarag.metrics import Estimate
from jsarag.report.before_after import Row, tables
from jsarag.report.numbers import change, number, p_told


@pytest.mark.parametrize(
    ("before", "after", "p", "difference", "verdict"),
    [
        (0.61, 0.742, 0.0001, "+13.2", "up"),
        (0.80, 0.70, 0.049, "−10.0", "down"),
        (0.70, 0.72, 0.05, "+2.0", ""),  # chance
        (0.70, 0.72, None, "+2.0", ""),  # no test
        (0.50, 0.4999, 0.001, "0.0", "down"),  # rounds to nothing: no sign
        (0.6104, 0.7416, 1.0, "+13.1", ""),  # 61.0 and 74.2, but 13.12 before rounding
        (0.5, None, 0.001, "–", ""),  # one side is missing
    ],
)
def test_difference(before: float, after: float | None, p: float | None, difference: str, verdict: str) -> None:
    one, other = (None if mean is None else Estimate(mean, 0, 1) for mean in (before, after))
    row = Row("hit@1", one, other, p=p)
    assert (row.difference, row.verdict) == (difference, verdict)


def test_rounding() -> None:
    assert [number(share) for share in (0, 1, 0.6149, 0.0004, -0.0, -0.0004)] == ["0.0", "100.0", "61.5", *["0.0"] * 3]
    assert [change(share) for share in (0, 0.0004, -0.0004, -0.0006)] == ["0.0", "0.0", "0.0", "−0.1"]
    assert [number(value, "nats") for value in (-2.306, -0.004, 0.5)] == ["−2.31", "0.00", "0.50"]
    assert [change(value, "nats") for value in (-0.004, 0.5, -1.0)] == ["0.00", "+0.50", "−1.00"]
    assert [p_told(p) for p in (0.0009, 0.04, 1)] == ["p < 0.001", "p = 0.040", "p = 1.000"]


def test_tables_hold_the_metrics_of_either_side_in_a_fixed_order_of_blocks() -> None:
    e = Estimate(0.5, 0.4, 0.6)
    made = tables({"answers": {"em": e, "f1": e}, "own": {"x": e}}, {"prior": {"hit@1": e}, "answers": {"rougeL": e}})
    assert [(table.block, [row.name for row in table.rows]) for table in made] == [
        ("prior", ["right passage first"]),
        ("answers", ["EM", "F1", "ROUGE-L"]),
        ("own", ["x"]),
    ]
    assert (made[1].rows[0].after, made[1].rows[2].before) == (None, None)


def test_a_rise_is_good_bad_or_neither() -> None:
    low, high = Estimate(0.2, 0.1, 0.3), Estimate(0.7, 0.6, 0.8)
    names = {
        "calibration": ("ece", "probability"),
        "attribution": ("support", "against"),
        "combinations_by_heart": ("x",),
    }
    before, after = ({block: dict.fromkeys(metrics, e) for block, metrics in names.items()} for e in (low, high))
    tests = {f"{block}/{metric}": {"p": 0.01} for block, metrics in names.items() for metric in metrics}
    found = {row.key: row.verdict for table in tables(before, after, tests) for row in table.rows}
    assert found == {
        "calibration/ece": "down",
        "calibration/probability": "",
        "attribution/support": "up",
        "attribution/against": "down",
        "combinations_by_heart/x": "",
    }
    assert tables(after, before, tests)[0].rows[0].verdict == "up"


def test_doubles_and_the_posterior_are_folded() -> None:
    e = Estimate(0.5, 0.4, 0.6)
    figures = {
        "prior": dict.fromkeys(("hit@1", "hit@5", "mrr@10", "recall@1", "ndcg@10", "hit@20"), e),
        "posterior": {"hit@1": e},
        "answers": dict.fromkeys(("em", "f1", "rougeL"), e),
        "own": {"x": e},
    }
    found = {table.block: [row.key.partition("/")[2] for row in table.open] for table in tables(figures, figures)}
    assert found == {"prior": ["hit@1", "hit@5", "mrr@10"], "posterior": [], "answers": ["em", "f1"], "own": ["x"]}
    assert [len(table.folded) for table in tables(figures, figures)] == [3, 1, 1, 0]


def test_where_there_are_labels_the_figures_without_are_folded() -> None:
    e = Estimate(0.5, 0.4, 0.6)
    evidence = {"evidence": {"answer@1": e, "words@1": e}}
    assert len(tables(evidence, evidence)[0].open) == 2
    labelled = {"prior": {"hit@1": e}, **evidence}
    assert [len(table.open) for table in tables(labelled, labelled)] == [1, 0]
