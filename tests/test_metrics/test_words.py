"""The words that metrics compare, against torchmetrics' reading of the SQuAD rules and hand-worked tables."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.tokenizers import DefaultTokenizer
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh
from torchmetrics.functional.text import squad

from jsarag.metrics.words import (
    bag_f1,
    dialog_words,
    mixed_words,
    passage_words,
    rouge_words,
    spaced,
    squad_words,
    without_blanks,
)

_13A: Callable[[str], str] = Tokenizer13a()  # type: ignore[no-untyped-call]
_ZH: Callable[[str], str] = TokenizerZh()  # type: ignore[no-untyped-call]

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
    ("那个a是“猫”。", "那 个 a 是 猫", "那 个 是 猫"),  # letters of Chinese stand alone, without their punctuation
]


@pytest.mark.parametrize(("text", "kept", "left"), DIALOG)
def test_dialog_words(text: str, kept: str, left: str) -> None:
    assert dialog_words(text, articles=True) == kept.split()
    assert dialog_words(text, articles=False) == left.split()


SCRIPTS = [
    # text, words for ROUGE
    ("The cat's 2nd GPT-4", "the cat s 2nd gpt 4"),  # rouge_score's own
    ("café, naïve; 5 m²", "caf na ve 5 m"),  # accented Latin letters part words there
    ("ˈkæt µm ½ №", "k t m"),  # signs and letters of no script are none
    ("Привет, мир!", "привет мир"),
    ("Ἀθῆναι καὶ Σπάρτη", "ἀθῆναι καὶ σπάρτη"),
    ("مرحبا بالعالم ١٢٣", "مرحبا بالعالم ١٢٣"),
    ("हिन्दी में लिखा", "हिन्दी में लिखा"),  # marks belong to their letters
    ("한국어 문장입니다", "한국어 문장입니다"),  # Korean has blanks
    ("北京2008年奥运会", "北 京 2008 年 奥 运 会"),
    ("ラーメンは、ＡＢＣ１２", "ラ ー メ ン は abc12"),
    ("ภาษาไทยที่นี่", "ภ า ษ า ไ ท ย ที่ นี่"),
    ("и\u0306 й", "й й"),  # a letter and its mark are the letter with the mark
]


@pytest.mark.parametrize(("text", "words"), SCRIPTS)
def test_rouge_words_of_many_scripts(text: str, words: str) -> None:
    assert rouge_words(text) == words.split()


@given(st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=40))
def test_rouge_words_of_latin_texts_are_those_of_rouge_score(text: str) -> None:
    assert rouge_words(text) == DefaultTokenizer().tokenize(text)


@given(st.text(max_size=40))
def test_rouge_words_hold_those_of_rouge_score_in_any_text(text: str) -> None:
    """But for full-width letters, which are ASCII letters written wide."""
    narrow = "".join(c for c in text if not "\uff01" <= c <= "\uff5e")
    assert [word for word in rouge_words(narrow) if word.isascii()] == DefaultTokenizer().tokenize(narrow)


DASHES = [
    ("1939–1945", "1939 1945"),
    ("1939-1945", "1939 1945"),
    ("2001-09-11", "2001 09 11"),
    ("$5-$10, 5%-10%, 10,000-20,000", "5 10 5 10 10000 20000"),
    ("1980s\u20111990s", "1980s 1990s"),
    ("1939–present", "1939 present"),
    ("war—which", "war which"),
    ("twenty-one F-16 COVID-19", "twentyone f16 covid19"),  # a hyphen parts two numbers and nothing else
    ("the U.S.", "us"),
    ("在1939-1945年", "在 1939 1945 年"),
]


@pytest.mark.parametrize(("text", "words"), DASHES)
def test_passage_words(text: str, words: str) -> None:
    assert passage_words(text) == words.split()


@given(st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=40))
def test_passage_words_are_those_of_squad_where_no_dash_and_no_other_script_is(text: str) -> None:
    plain = text.replace("-", "")
    assert passage_words(plain) == squad_words(plain)


CHINESE = st.text(alphabet="北京的大学aBc 12.,-，。“”《》", max_size=20)


@given(CHINESE)
def test_mixed_words_are_those_of_mlqa(text: str) -> None:
    """Its script for Chinese, written out: lower case, punctuation of any script deleted, each ideograph a word."""
    marks = {c for c in text if unicodedata.category(c).startswith("P")} | set(string.punctuation)
    expected, run = [], ""
    for c in "".join(c for c in text.lower() if c not in marks):
        if "\u4e00" <= c <= "\u9fa5":
            expected += [*run.split(), c]
            run = ""
        else:
            run += c
    assert mixed_words(text) == [*expected, *run.split()]


@given(CHINESE)
def test_13a_of_spaced_text_is_zh_of_sacrebleu(text: str) -> None:
    # zh takes curly quotes for Chinese; here they are signs beside words, as in 13a. At the ends of a text the two
    # treat a full stop differently.
    text = "的" + text.replace("“", "").replace("”", "") + "的"
    assert _13A(spaced(text)) == _ZH(text)


@given(st.text(alphabet=st.characters(max_codepoint=0x24F), max_size=40))
def test_texts_with_blanks_are_not_spaced(text: str) -> None:
    assert not without_blanks(text)
    assert spaced(text) == text
