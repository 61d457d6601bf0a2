"""Figures before and after, as text."""

from __future__ import annotations

import pytest

from jsarag.metrics import Estimate
from jsarag.report.before_after import Row, headline, percent, points, tables


@pytest.mark.parametrize(
    ("before", "after", "difference", "verdict"),
    [
        ((0.61, 0.57, 0.65), (0.742, 0.701, 0.78), "+13.2", "up"),  # intervals apart
        ((0.80, 0.76, 0.84), (0.70, 0.66, 0.74), "−10.0", "down"),  # apart the other way
        ((0.70, 0.66, 0.74), (0.72, 0.68, 0.76), "+2.0", ""),  # intervals overlap
        ((0.50, 0.40, 0.60), (0.70, 0.60, 0.80), "+20.0", ""),  # they touch
        ((0.50, 0.40, 0.60), (0.4999, 0.40, 0.60), "0.0", ""),  # rounds to nothing: no sign
        ((0.6104, 0.6, 0.7), (0.7416, 0.7, 0.8), "+13.1", ""),  # 61.0 and 74.2, but 13.12 before rounding
        ((0.5, 0.5, 0.5), None, "–", ""),  # one side is missing
    ],
)
def test_difference(
    before: tuple[float, float, float], after: tuple[float, float, float] | None, difference: str, verdict: str
) -> None:
    row = Row("hit@1", Estimate(*before), Estimate(*after) if after else None)
    assert (row.difference, row.verdict) == (difference, verdict)


def test_rounding() -> None:
    assert [percent(share) for share in (0, 1, 0.6149, 0.0004)] == ["0.0", "100.0", "61.5", "0.0"]
    assert [points(share) for share in (0, 0.0004, -0.0004, -0.0006)] == ["0.0", "0.0", "0.0", "−0.1"]


def test_tables_hold_the_metrics_of_either_side_in_a_fixed_order_of_blocks() -> None:
    e = Estimate(0.5, 0.4, 0.6)
    made = tables({"answers": {"em": e, "f1": e}, "own": {"x": e}}, {"prior": {"hit@1": e}, "answers": {"rougeL": e}})
    assert [(table.block, [row.name for row in table.rows]) for table in made] == [
        ("prior", ["hit@1"]),
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
    found = {f"{table.block}/{row.name}": row.verdict for table in tables(before, after) for row in table.rows}
    assert found == {
        "calibration/ece": "down",
        "calibration/probability": "",
        "attribution/support": "up",
        "attribution/against": "down",
        "combinations_by_heart/x": "",
    }
    assert tables(after, before)[0].rows[0].verdict == "up"


def test_headline() -> None:
    low, high = Estimate(0.61, 0.57, 0.65), Estimate(0.742, 0.701, 0.78)
    prior_low, prior_high = {"prior": {"hit@1": low}}, {"prior": {"hit@1": high}}
    assert headline(tables(prior_low, prior_high)) == "prior hit@1 61.0 → 74.2 [70.1, 78.0]"
    # Without gold passages there are answers alone.
    assert (
        headline(tables({"answers": {"em": low}}, {"answers": {"em": high}})) == "answers EM 61.0 → 74.2 [70.1, 78.0]"
    )
    # A figure with both sides goes before one with a single side.
    assert headline(tables({**prior_low, "answers": {"f1": low}}, {"answers": {"f1": low}})).startswith("answers F1")
    assert headline(tables({}, prior_high)) == "prior hit@1 74.2 [70.1, 78.0] after training"
    assert headline(tables(prior_low, {})) == "prior hit@1 61.0 [57.0, 65.0] before training"
    assert headline([]) == "no figures before or after training"
