"""Answer figures against values worked by hand, SQuAD's script, rouge_score and sacrebleu."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable
from math import exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU

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


def normalised(text: str) -> str:
    """``normalize_answer`` of evaluate-v1.1.py and evaluate-v2.0.py, written out."""
    marks = set(string.punctuation)
    bare = "".join(c for c in text.lower() if c not in marks)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def script(answer: str, reference: str) -> tuple[float, float]:
    """``compute_exact`` and ``compute_f1`` of evaluate-v2.0.py; version 1.1 gives 0 where neither text has a word."""
    said, right = normalised(answer).split(), normalised(reference).split()
    same = sum((Counter(said) & Counter(right)).values())
    if not said or not right:
        return float(normalised(answer) == normalised(reference)), float(said == right)
    if same == 0:
        return 0.0, 0.0
    precision, recall = 1.0 * same / len(said), 1.0 * same / len(right)
    return float(normalised(answer) == normalised(reference)), (2 * precision * recall) / (precision + recall)


# Pieces that meet in many ways, and any Unicode text.
PIECES = ["a", "An", "THE", "the-", "x", "éA", "北京", "–", "’", "ı", "İ", "ß", " ", "\n", "\u00a0", ".", "1"]
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text(max_size=12))


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_exact_match_and_f1_are_those_of_squads_script_to_the_last_bit(answer: str, references: list[str]) -> None:
    scores = answer_scores([answer], [references])
    found = [script(answer, reference) for reference in references]
    assert (scores["em"], scores["f1"]) == ([max(em for em, _ in found)], [max(f1 for _, f1 in found)])


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
    ("北京大学", ["北京的大学"], 8 / 9),  # letters of Chinese are words: 4 of 4, 4 of 5
    ("上海", ["北京"], 0),
    ("Москва и Киев", ["Киев и Москва"], 1 / 3),  # words of Cyrillic, in another order
    ("Café", ["cafe"], 0),  # an accented letter parts words: caf
]


@pytest.mark.parametrize(("answer", "references", "rouge"), ROUGE)
def test_rouge_l(answer: str, references: list[str], rouge: float) -> None:
    assert answer_scores([answer], [references])["rougeL"] == pytest.approx([rouge])


def test_rouge_l_of_latin_texts_is_that_of_rouge_score() -> None:
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    answers = ["In 1939–1945, the café's 2nd owner…", "Zürich — ½ hour", ""]
    references = [["the café was owned 1939-1945", "A second owner"], ["half an hour; Zurich"], ["x"]]
    expected = [
        scorer.score_multi(right, said)["rougeL"].fmeasure for said, right in zip(answers, references, strict=True)
    ]
    assert answer_scores(answers, references)["rougeL"] == expected


def test_f1_of_letters_is_there_where_a_reference_has_no_blanks() -> None:
    """SQuAD's F1 knows words between blanks alone; MLQA's rule: 4 of 5 letters said, 4 of 4 asked for."""
    scores = answer_scores(["北京的大学", "in Paris"], [["北京大学。"], ["Paris"]])
    assert scores["f1"] == pytest.approx([0, 2 / 3])
    assert scores["f1_mixed"] == pytest.approx([8 / 9, 2 / 3])
    assert "f1_mixed" not in answer_scores(["北京"], [["Paris"]])


def test_bleu_of_chinese_is_that_of_sacrebleus_zh() -> None:
    """In English 13a keeps its own words."""
    answers, references = ["北京大学在1898年成立。", "我不知道"], [["北京大学成立于1898年。", "北大"], ["我不太知道"]]
    zh = [BLEU(max_ngram_order=n, effective_order=True, tokenize="zh") for n in (1, 4)]
    for name, metric in zip(("bleu1", "bleu4"), zh, strict=True):
        expected = [
            metric.sentence_score(said, right).score / 100 for said, right in zip(answers, references, strict=True)
        ]
        assert answer_scores(answers, references)[name] == pytest.approx(expected)
        assert min(expected) > 0.1
    whole = (
        BLEU(max_ngram_order=4, tokenize="zh").corpus_score(answers, [["北京大学成立于1898年。", "我不太知道"]]).score
    )
    assert corpus_bleu(answers, [right[:1] for right in references])["bleu4"].mean == pytest.approx(whole / 100)


BLEU_TABLE = [
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


@pytest.mark.parametrize(("answer", "references", "bleu1", "bleu4"), BLEU_TABLE)
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
