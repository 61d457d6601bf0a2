"""What figures declare, and what the tables of the terminal make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jsarag.cli.figures import show_evaluation, show_summary
from jsarag.metrics import BLOCKS, answer_scores, block_of, in_order, retrieval_scores

ANSWERS = answer_scores(["北京"], [["北京"]])
RETRIEVAL = retrieval_scores([["a"]], [["a"]], (1, 5, 10, 20))
EVERY: dict[str, Any] = {
    "prior": RETRIEVAL,
    "evidence": ("answer@1", "words@5"),
    "likelihood": ("per_token",),
    "posterior": RETRIEVAL,
    "selection": ("precision", "recall", "f1", "exact"),
    "calibration": ("brier", "probability", "ece"),
    "answers": ANSWERS,
    "dialog": ("f1", "unigram_f1", "rouge1", "rouge2", "rougeL", "meteor", "knowledge_f1"),
    "closed_book": ("em", "f1"),
    "attribution": ("reference_in_passages", "answer_in_passages", "support", "against", "by_heart"),
    "combinations": ("read_right", "read_wrong", "missed_right", "missed_wrong"),
    "combinations_in_passages": ("read_right", "missed_wrong"),
    "combinations_by_heart": ("read_right", "missed_wrong"),
    "own": ("x",),
}


def test_directions() -> None:
    found = {f"{block}/{figure.name}": figure.better for block, figure in in_order(EVERY)}
    assert {name for name, better in found.items() if better == -1} == {
        "calibration/brier",
        "calibration/ece",
        "attribution/against",
        "combinations/read_wrong",
        "combinations/missed_wrong",
    }
    assert {name for name, better in found.items() if better == 0} == {
        "calibration/probability",
        "attribution/by_heart",
        "combinations/missed_right",
        *(
            f"combinations_{which}/{name}"
            for which in ("in_passages", "by_heart")
            for name in EVERY[f"combinations_{which}"]
        ),
    }


def test_figures_are_read_in_the_order_of_the_blocks_and_then_of_the_files() -> None:
    found = in_order({"own": ("b", "a"), "answers": ("f1", "em")}, {"prior": ("hit@1",), "own": ("c", "a")})
    assert [(block, figure.name) for block, figure in found] == [
        ("prior", "hit@1"),
        ("answers", "f1"),
        ("answers", "em"),
        ("own", "b"),
        ("own", "a"),
        ("own", "c"),
    ]
    assert list(BLOCKS) == [name for name in EVERY if name != "own"]


def test_what_nobody_declared_is_shown_under_its_own_name() -> None:
    for block in ("answers", "own"):
        figure = block_of(block).figure("never_heard_of")
        assert (figure.name, figure.title, figure.better, figure.shown) == ("never_heard_of", "never_heard_of", 1, True)
    assert block_of("own").title == "own"


def test_what_the_terminal_shows_of_one_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    one = {"mean": 0.5, "low": 0.4, "high": 0.6}
    side: dict[str, Any] = {block: dict.fromkeys(names, one) for block, names in EVERY.items()}
    side["reliability"] = []
    cost = {"seconds": 1.0, "tokens_scored": 1, "tokens_trained": 1, "peak_memory_bytes": 2**30}
    show_summary({"before": side, "after": side, "cost": cost, "run": {"steps": 1}})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("│")[1].strip() for line in lines if "│" in line] == [
        *("right passage first", "right passage in first 5", "MRR@10"),
        "log p of the answer with passages",
        *("answers EM", "answers F1", "answers ROUGE-L", "answers BLEU-1", "answers BLEU-4"),
        *("closed book EM", "closed book F1", "answer in a passage", "own x"),
    ]

    modes = {
        "top-1": {name: side[name] for name in ("answers", "dialog", "attribution")}
        | {"cost": {"seconds": 1.0, "tokens": 9}}
    }
    show_evaluation({"modes": modes, "retrieval_seconds": 0.1})
    headings = next(line for line in capsys.readouterr().out.splitlines() if "tokens" in line)
    assert [heading.strip() for heading in headings.strip("┃").split("┃")] == [
        *("percent [95 % interval]", "answers EM", "answers F1", "answers ROUGE-L", "answers BLEU-1", "answers BLEU-4"),
        *("answer in a passage", "seconds", "tokens"),
    ]


def test_what_is_compared_where_nothing_is_asked_for() -> None:
    def compared(stand_in: bool) -> list[str]:
        blocks = {name: block for name, block in BLOCKS.items() if block.stand_in == stand_in}
        return [f"{name}/{metric}" for name, block in blocks.items() for metric in block.compared]

    usual = ["prior/hit@1", "prior/mrr@10", "posterior/mrr@10", "answers/em", "answers/f1"]
    assert compared(stand_in=False) == usual
    assert compared(stand_in=True) == ["evidence/answer@5", "evidence/words@5", "likelihood/per_token"]


def test_the_terminal_says_the_verdict_first_and_no_figure_is_less_than_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    before, after = ({"prior": {"hit@1": {"mean": m, "low": m, "high": m}}} for m in (0.5, 0.4996))
    cost = {"seconds": 1.0, "tokens_scored": 1, "tokens_trained": 1, "peak_memory_bytes": 2**30}
    summary = {"before": before, "after": after, "cost": cost, "run": {"steps": 1}}
    show_summary(summary | {"paired": {"before": {"prior/hit@1": {"p": 0.2}}}}, Path("runs/my run"))
    out = capsys.readouterr().out
    assert "-0.0" not in out
    assert out.startswith("Retrieval did not change beyond chance.\n  right passage first  50.0 % → 50.0 % (0.0 points")
    assert """jsarag ask --run 'runs/my run' "your question\"""" in out
    assert max(map(len, out.splitlines())) <= 80
