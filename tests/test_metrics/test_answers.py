"""Answer figures against values worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sqrt

import pytest

from jsarag.metrics import answer_scores, corpus_bleu

SQUAD = [
    # answer, references, em, f1
    ("Paris", ["Paris"], 1, 1),  # the same
    ("paris.", ["Paris"], 1, 1),  # case and punctuation do not count
    ("The Eiffel Tower", ["an Eiffel tower"], 1, 1),  # articles do not count
    ("a  b", ["b"], 1, 1),  # an article leaves no blank behind
    ("theory", ["the ory"], 0, 0),  # an article is a whole word
    ("U.S.", ["us"], 1, 1),  # punctuation is deleted, not turned into a blank
    ("twenty-one", ["twenty one"], 0, 0),  # for the same reason
    ("in Paris", ["Paris"], 0, 2 / 3),  # precision 1/2, recall 1
    ("Paris Paris", ["Paris"], 0, 2 / 3),  # a repeated word counts once
    ("red", ["red green blue"], 0, 1 / 2),  # precision 1, recall 1/3
    ("red", ["blue", "red green blue", "red"], 1, 1),  # the best reference counts
    ("red", ["blue", "red green blue"], 0, 1 / 2),  # also where none is exact
    ("", ["Paris"], 0, 0),  # no answer
    ("", ["Paris", ""], 1, 1),  # no answer, where none is right
    ("the.", [""], 1, 1),  # an answer that normalises to nothing is none
    ("Paris", [""], 0, 0),  # an answer where none is right
]


@pytest.mark.parametrize(("answer", "references", "em", "f1"), SQUAD)
def test_exact_match_and_f1(answer: str, references: list[str], em: float, f1: float) -> None:
    scores = answer_scores([answer], [references])
    assert scores["em"] == [em]
    assert scores["f1"] == pytest.approx([f1], abs=1e-6)


ROUGE = [
    # answer, references, F-measure of the longest common subsequence
    ("the cat sat", ["the cat sat"], 1),  # the same
    ("The cat, sat!", ["the cat sat"], 1),  # case and punctuation do not count
    ("cat the sat", ["the cat sat"], 2 / 3),  # subsequence of 2 of 3 words: order counts, articles too
    ("the cat", ["the big cat sat"], 2 / 3),  # need not be contiguous: precision 1, recall 1/2
    ("running", ["run"], 0),  # no stemming
    ("the cat", ["dog", "the big cat sat", "cat"], 2 / 3),  # the best reference: 0, 2/3, 2/3
    ("", ["the cat"], 0),  # no answer
    ("", [""], 0),  # nothing in common with nothing
]


@pytest.mark.parametrize(("answer", "references", "rouge"), ROUGE)
def test_rouge_l(answer: str, references: list[str], rouge: float) -> None:
    assert answer_scores([answer], [references])["rougeL"] == pytest.approx([rouge])


BLEU = [
    # answer, references, sentence BLEU-1, sentence BLEU-4
    ("a b c d e", ["a b c d e"], 1, 1),  # the same
    ("x", ["y"], 0, 0),  # nothing in common
    ("", ["a b"], 0, 0),  # no answer
    ("a b", ["a b"], 1, 1),  # effective order: an answer of 2 words has no 3-grams to miss
    ("a b", ["a b c d"], exp(-1), exp(-1)),  # brevity penalty exp(1 - 4/2)
    ("a a", ["a b"], 1 / 2, sqrt(1 / 2 * 1 / 2)),  # clipped: 1 of 2 words; 0 of 1 pairs, smoothed to 1/2
    ("a b", ["x y", "b a"], 1, sqrt(1 / 2)),  # words from any reference; 0 of 1 pairs, smoothed to 1/2
    ("A b", ["a b"], 1 / 2, sqrt(1 / 2 * 1 / 2)),  # case counts
]


@pytest.mark.parametrize(("answer", "references", "bleu1", "bleu4"), BLEU)
def test_sentence_bleu(answer: str, references: list[str], bleu1: float, bleu4: float) -> None:
    scores = answer_scores([answer], [references])
    assert scores["bleu1"] + scores["bleu4"] == pytest.approx([bleu1, bleu4])


def test_values_keep_the_order_of_the_examples_and_their_own_references() -> None:
    scores = answer_scores(["red", "blue", "red"], [["blue"], ["red", "blue"], ["red", "x", "y"]])
    assert {name: values for name, values in scores.items() if values != [0, 1, 1]} == {}
    assert list(scores) == ["em", "f1", "rougeL", "bleu1", "bleu4"]


def test_corpus_bleu_pools_counts_over_examples_with_ragged_references() -> None:
    """Matched words 2 + 1 of 2 + 2; lengths 4 against 2 + 2, so no brevity penalty; mean of sentences is the same
    for BLEU-1 only. Pairs 1 + 0 of 1 + 1; no triples at all, so that BLEU-4 is 0."""
    scores = corpus_bleu(["a b", "c x"], [["a b"], ["c d", "e f", "g"]])
    assert scores["bleu1"].mean == pytest.approx(3 / 4)
    assert scores["bleu4"].mean == 0


def test_corpus_bleu_is_not_the_mean_of_sentences() -> None:
    """Words 9 + 0 of 9 + 1, equal lengths: 9/10, while the mean of the sentences is 1/2."""
    long = "a b c d e f g h i"
    assert corpus_bleu([long, "x"], [[long], ["y"]])["bleu1"].mean == pytest.approx(9 / 10)
    assert sum(answer_scores([long, "x"], [[long], ["y"]])["bleu1"]) / 2 == pytest.approx(1 / 2)


def test_every_reference_of_a_ragged_corpus_counts() -> None:
    """The third reference exists for the last example only, and it alone holds the answer."""
    answers, one = ["k l m n", "a b c d"], [["k l m n"], ["x"]]
    assert corpus_bleu(answers, one)["bleu4"].mean < 1
    assert corpus_bleu(answers, [one[0], ["x", "y", "a b c d"]])["bleu4"].mean == pytest.approx(1)


def test_corpus_interval_is_that_of_the_share_of_right_words() -> None:
    """One-word answers, 120 of 200 right: BLEU-1 is a share with standard error sqrt(0.6 * 0.4 / 200)."""
    scores = corpus_bleu(["a"] * 120 + ["b"] * 80, [["a"]] * 200, resamples=2000)["bleu1"]
    half = 1.96 * sqrt(0.6 * 0.4 / 200)
    assert scores.mean == pytest.approx(0.6)
    assert [scores.low, scores.high] == pytest.approx([0.6 - half, 0.6 + half], abs=0.01)


def test_corpus_intervals_of_a_perfect_and_a_useless_corpus_are_points() -> None:
    perfect, useless = corpus_bleu(["a b c d"], [["a b c d"]]), corpus_bleu(["a", ""], [["b"], ["c"]])
    for name in ("bleu1", "bleu4"):
        assert [perfect[name].low, perfect[name].high] == pytest.approx([1, 1])
        assert (useless[name].mean, useless[name].low, useless[name].high) == (0, 0, 0)


@pytest.mark.parametrize("score", [answer_scores, corpus_bleu])
@pytest.mark.parametrize(
    ("answers", "references", "message"),
    [
        (["a"], [["a"], ["b"]], "got 1 and 2"),
        (["a", "b"], [["a"], []], "example 1: expected a sequence of one or more references"),
        (["a"], ["a"], "example 0: expected a sequence"),  # a bare string would be read letter by letter
    ],
)
def test_what_cannot_be_scored_is_refused(
    score: Callable[..., object], answers: list[str], references: list[list[str] | str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(answers, references)


def test_no_examples() -> None:
    assert answer_scores([], []) == {name: [] for name in ("em", "f1", "rougeL", "bleu1", "bleu4")}
    with pytest.raises(ValueError, match="expected an example"):
        corpus_bleu([], [])
