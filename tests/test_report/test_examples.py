"""Which examples are shown, and how many are won and lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jsarag.files import write_jsonl
from jsarag.report.examples import Changes, changes
from jsarag.report.record import read_record
from tests.test_report.runs import example


def found(folder: Path, rows: list[dict[str, Any]], limit: int = 12) -> Changes:
    write_jsonl(folder / "examples.jsonl", rows)
    return changes(read_record(folder).pairs, limit)


@pytest.mark.parametrize(
    ("before", "after", "gold", "won", "lost", "other"),
    [
        ("ab", "ba", "b", 1, 0, 0),  # gold entered the first rank
        ("ab", "ba", "a", 0, 1, 0),  # gold left the first rank
        ("ab", "ba", "c", 0, 0, 1),  # changed without gold
        ("ab", "ba", "ab", 0, 0, 1),  # from one gold passage to another
        ("ab", "ba", "", 0, 0, 1),  # no gold known
        ("abc", "acb", "c", 0, 0, 0),  # the first rank stayed
        ("", "ab", "a", 0, 0, 0),  # nothing to compare with
    ],
)
def test_outcome(tmp_path: Path, before: str, after: str, gold: str, won: int, lost: int, other: int) -> None:
    result = found(tmp_path, [example("1", before, after, gold)])
    assert (result.won, result.lost, result.other, result.total) == (won, lost, other, 1)
    assert result.labelled == bool(gold)
    (change,) = result.shown
    assert change.outcome == ("won" if won else "lost" if lost else "other" if other else "same")


def test_gains_and_losses_take_turns_and_others_and_the_same_fill_up(tmp_path: Path) -> None:
    rows = [
        example("s1", "ab", "ab", "a"),
        example("o1", "ab", "ba", "c"),
        *[example(f"w{i}", "ab", "ba", "b") for i in (1, 2, 3)],
        example("l1", "ab", "ba", "a"),
        example("o2", "ab", "ba", "c"),
    ]
    order = ["w1", "l1", "w2", "w3", "o1", "o2", "s1"]
    for limit in (7, 6, 5, 2):
        result = found(tmp_path, rows, limit)
        assert [change.pair.id for change in result.shown] == order[:limit]
        assert (result.won, result.lost, result.other) == (3, 1, 2)  # counts are of all, not of those shown


def test_a_gold_passage_below_those_shown_is_shown_besides(tmp_path: Path) -> None:
    (change,) = found(tmp_path, [example("1", "abcdefg", "fgabcde", "fg")]).shown
    assert [(h.rank, h.passage.id, h.gold) for h in change.before.ranked] == [
        (1, "a", False),
        (2, "b", False),
        (3, "c", False),
        (4, "d", False),
        (6, "f", True),
    ]
    assert [(h.rank, h.passage.id) for h in change.after.ranked] == [(1, "f"), (2, "g"), (3, "a"), (4, "b")]


def test_answers_are_right_or_wrong_by_exact_match(tmp_path: Path) -> None:
    row = example("1", "ab", "ba", "b", outputs=["The red lamp", "a lamp"])
    row["before"]["answer"], row["after"]["answer"] = "red boat", "Lamp."
    (change,) = found(tmp_path, [row]).shown
    assert change.before.right is False
    assert change.before.f1 == pytest.approx(0.5)
    assert (change.after.right, change.after.f1) == (True, 1)
    row["before"]["answer"] = None
    (change,) = found(tmp_path, [row]).shown
    assert (change.before.right, change.before.f1) == (None, None)
