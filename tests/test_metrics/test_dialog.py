"""Figures of dialog papers against values worked by hand and the reference package as DSTC11's scorer calls it."""

from __future__ import annotations

import pytest
from rouge_score.rouge_scorer import RougeScorer

from jsarag.metrics import dialog_scores, knowledge_f1

F1 = [
    # response, references, without articles (ParlAI), with them
    ("It closes at nine.", ["it closes at nine"], 1, 1),  # case and punctuation do not count
    ("the cat", ["a cat"], 1, 1 / 2),  # articles count in the second figure alone: 1 of 2 words on both sides
    ("it's open", ["it is open"], 2 / 3, 2 / 3),  # it, s, open against it, is, open
    ("yes yes", ["yes"], 2 / 3, 2 / 3),  # a repeated word counts once
    ("red", ["blue", "red and blue"], 1 / 2, 1 / 2),  # the best reference: precision 1, recall 1/3
    ("", ["red"], 0, 0),  # no response
    ("the", ["the"], 0, 1),  # nothing is left without articles, and nothing earns nothing
    ("", ["!"], 0, 0),  # SQuAD would call this right
    ("九点关门。", ["晚上九点关门"], 4 / 5, 4 / 5),  # letters of Chinese are words: 4 of 4, 4 of 6
]


@pytest.mark.parametrize(("response", "references", "without", "with_them"), F1)
def test_f1_with_and_without_articles(response: str, references: list[str], without: float, with_them: float) -> None:
    scores = dialog_scores([response], [references])
    assert scores["f1"] == pytest.approx([without])
    assert scores["unigram_f1"] == pytest.approx([with_them])


ROUGE = [
    # response, reference, ROUGE-1, ROUGE-2, ROUGE-L
    ("the rooms are cleaned", "the rooms are cleaned", 1, 1, 1),
    ("cleaning rooms daily", "room cleaned daily", 1, 0, 2 / 3),  # stems clean room daili: order counts for L
    ("a b c", "a b", 4 / 5, 2 / 3, 4 / 5),  # words 2/3 and 2/2; pairs 1/2 and 1/1
    ("", "a b", 0, 0, 0),
    ("九点关门", "晚上九点关门", 4 / 5, 3 / 4, 4 / 5),  # letters 4/4 and 4/6; pairs 3/3 and 3/5
]


@pytest.mark.parametrize(("response", "reference", "one", "two", "longest"), ROUGE)
def test_rouge_with_stems(response: str, reference: str, one: float, two: float, longest: float) -> None:
    scores = dialog_scores([response], [[reference]])
    assert [scores[f"rouge{n}"][0] for n in ("1", "2", "L")] == pytest.approx([one, two, longest])


def test_rouge_is_what_the_scorer_of_dstc11_computes() -> None:
    """Its lines: RougeScorer(['rouge1', 'rouge2', 'rougeL'], use_stemmer=True).score(reference, response)."""
    responses = ["Yes, breakfast is served daily until 10 am.", "I have found no reviews of the parking.", "Sure!"]
    references = ["Breakfast is being served until 10:30.", "Reviews say that parking is easy.", "Sure thing."]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    expected = [scorer.score(y, text) for y, text in zip(references, responses, strict=True)]
    scores = dialog_scores(responses, [[y] for y in references])
    for name in ("rouge1", "rouge2", "rougeL"):
        assert scores[name] == [found[name].fmeasure for found in expected]


def test_knowledge_f1_takes_the_best_gold_passage() -> None:
    """Words opens at nine on mondays: 2 of 3 answered words in the first (5 words), none in the second."""
    passages = ["The pool opens at nine on Mondays", "No pets"]
    assert knowledge_f1(["opens at noon"], [passages]) == pytest.approx([2 * 2 / (3 + 6)])
    assert knowledge_f1(["no pets", ""], [passages, passages]) == [1, 0]


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="got 1 and 2"):
        dialog_scores(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="example 0: expected a sequence"):
        dialog_scores(["a"], ["a"])
    with pytest.raises(ValueError, match="example 1: expected a sequence"):
        knowledge_f1(["a", "b"], [["a"], []])
