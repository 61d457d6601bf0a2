"""The verdict in words, from figures that are known."""

from __future__ import annotations

from typing import Any

import pytest

from jsarag.report.verdict import verdict

RUN = {"steps": 76, "checkpoint": {"name": "best", "step": 57}}
COST = {"seconds": 425.0, "peak_memory_bytes": 3 * 2**30}


def side(**figures: float) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, mean in figures.items():
        block, _, metric = name.partition("__")
        made.setdefault(block, {})[metric.replace("_at_", "@")] = {"mean": mean, "low": mean, "high": mean}
    return made


def chances(**ps: float) -> dict[str, Any]:
    return {name.replace("__", "/").replace("_at_", "@"): {"p": p} for name, p in ps.items()}


def test_with_labels() -> None:
    before, after = side(prior__hit_at_1=0.325, answers__f1=0.012), side(prior__hit_at_1=0.449, answers__f1=0.253)
    found = verdict(before, after, {"before": chances(prior__hit_at_1=0.0001, answers__f1=0.0002)}, RUN, COST)
    assert found.headline == "Retrieval and answers got better."
    assert [(line.title, line.text) for line in found.lines] == [
        ("right passage first", "32.5 % → 44.9 % (+12.4 points, p < 0.001)"),
        ("answers' F1", "1.2 % → 25.3 % (+24.1 points, p < 0.001)"),
    ]
    assert found.models == "of step 57 of 76, the best on dev"
    assert found.cost == "7 min 05 s of training, 3.0 GiB of memory at most"


@pytest.mark.parametrize(
    ("retrieval", "p", "answers", "q", "headline"),
    [
        (0.4, 0.01, 0.1, 0.5, "Retrieval got better; answers did not change beyond chance."),
        (0.2, 0.01, 0.3, 0.01, "Retrieval got worse; answers got better."),
        (0.2, 0.01, 0.0, 0.01, "Retrieval and answers got worse."),
        (0.4, 0.05, 0.3, 0.05, "Retrieval and answers did not change beyond chance."),
        (0.3, 0.01, 0.1, 0.01, "Retrieval and answers did not change beyond chance."),  # nothing moved
    ],
)
def test_better_worse_and_chance(retrieval: float, p: float, answers: float, q: float, headline: str) -> None:
    before, after = side(prior__hit_at_1=0.3, answers__f1=0.1), side(prior__hit_at_1=retrieval, answers__f1=answers)
    assert verdict(before, after, {"before": chances(prior__hit_at_1=p, answers__f1=q)}, RUN, COST).headline == headline


def test_a_run_that_learned_nothing_says_so_and_what_to_try() -> None:
    figures = side(prior__hit_at_1=0.3)
    for kept in ({"name": "best", "step": 0}, {"name": "last", "step": 0}):
        found = verdict(figures, figures, {}, {"steps": 5, "checkpoint": kept}, {})
        assert found.headline == "Nothing was learned: the run keeps the untrained models."
        assert not found.learned
        because = "because no evaluation on dev was better than before training"
        assert found.models.startswith(f"untrained models kept: nothing was learned, {because}; try ")
    assert "no step was made" in verdict(figures, figures, {}, {"steps": 0, "checkpoint": kept}, {}).models
    assert verdict(figures, figures, {}, {"steps": 5}, {}).learned  # as an earlier version wrote it


def test_without_labels_the_passages_are_searched_for_the_answer() -> None:
    before = side(evidence__answer_at_1=0.2, evidence__answer_at_5=0.5, evidence__words_at_5=0.6)
    after = side(evidence__answer_at_1=0.3, evidence__answer_at_5=0.6, evidence__words_at_5=0.7)
    after |= side(likelihood__per_token=-1.25)
    before |= side(likelihood__per_token=-2.5)
    found = verdict(
        before, after, {"before": chances(evidence__answer_at_5=0.01, likelihood__per_token=0.2)}, RUN, COST
    )
    assert found.headline == "Retrieval got better."
    assert [(line.title, line.text, line.outcome) for line in found.lines] == [
        ("answer in first 5 passages", "50.0 % → 60.0 % (+10.0 points, p = 0.010)", "better"),
        ("log p of the answer, a token", "−2.50 nats → −1.25 nats (+1.25 nats, p = 0.200)", "same"),
    ]


def test_of_answers_in_words_of_their_own_the_words_are_sought() -> None:
    after = side(evidence__answer_at_5=0.08, evidence__words_at_5=0.65)
    assert verdict(None, after, {}, RUN, COST).lines[0].title == "answer's words in one of 5"


def test_with_and_without_passages_and_beside_a_baseline() -> None:
    after = side(prior__hit_at_1=0.4, answers__f1=0.3)
    beside = {"before": 0.5, "after": 0.4, "p": 0.001}
    paired = {
        "closed_book": {"answers/f1": {"before": 0.1, "after": 0.3, "p": 0.0}},
        "baseline:bm25": {"prior/hit@1": beside},
    }
    found = verdict(None, after, paired, RUN, COST)
    assert found.headline == "Right passage first: 40.0 %; answers' F1: 30.0 %."
    assert [(line.title, line.text, line.outcome) for line in found.lines[2:]] == [
        ("answers' F1, beside no passages", "30.0 % against 10.0 % (+20.0 points, p < 0.001)", "better"),
        ("right passage first, beside BM25", "40.0 % against 50.0 % (−10.0 points, p = 0.001)", "worse"),
    ]


def test_no_figures() -> None:
    found = verdict(None, None, {}, {}, {})
    assert (found.headline, found.lines, found.models, found.cost) == (
        "No figures before or after training.",
        (),
        "",
        "",
    )
