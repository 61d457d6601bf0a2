"""The words that metrics compare, against torchmetrics' reading of the SQuAD rules and hand-worked tables."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.text import squad

from jsarag.metrics.words import bag_f1, dialog_words, squad_words

TEXTS = st.text(alphabet="aAnthe bx1é" + string.punctuation + "\n\u2014", max_size=20)


def judged(one: str, other: str) -> dict[str, float]:
    """Exact match and F1 of torchmetrics, in percent."""
    answers: dict[str, list[str] | list[int]] = {"answer_start": [0], "text": [other]}
    return {
        name: float(v) for name, v in squad({"prediction_text": one, "id": ""}, {"answers": answers, "id": ""}).items()
    }


@given(TEXTS, TEXTS)
def test_squad_words_are_equal_exactly_where_torchmetrics_finds_an_exact_match(one: str, other: str) -> None:
    assert (squad_words(one) == squad_words(other)) == (judged(one, other)["exact_match"] == 100)


@given(TEXTS, TEXTS)
def test_f1_of_squad_words_is_that_of_torchmetrics_where_there_are_words(one: str, other: str) -> None:
    words, others = squad_words(one), squad_words(other)
    if words and others:
        assert bag_f1(words, others) == pytest.approx(judged(one, other)["f1"] / 100, abs=1e-6)


DIALOG = [
    # text, with articles, without
    ("The cat's on a mat.", "the cat s on a mat", "cat s on mat"),  # an apostrophe parts words
    ("twenty-one", "twenty one", "twenty one"),  # so does a hyphen
    ("theory an", "theory an", "theory"),  # an article is a whole word
    ("a.m.", "a m", "m"),  # punctuation goes first, so that a letter becomes an article
    (" , ", "", ""),
]


@pytest.mark.parametrize(("text", "kept", "left"), DIALOG)
def test_dialog_words(text: str, kept: str, left: str) -> None:
    assert dialog_words(text, articles=True) == kept.split()
    assert dialog_words(text, articles=False) == left.split()
