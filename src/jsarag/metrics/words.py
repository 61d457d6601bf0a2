"""Texts as the words that metrics compare, and the F1 of two bags of words.

Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without blanks between words. Each of their letters, with
the marks that belong to the letter, is a word of its own here, except in `squad_words`, which is SQuAD's rule alone.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

import regex

from jsarag.types import Passage

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DELETED = str.maketrans("", "", string.punctuation)
_NARROWED = {0xFEE0 + code: code for code in range(0x21, 0x7F)}
"""Full-width forms of ASCII, as Chinese and Japanese texts write letters and digits."""
_BLANKED = str.maketrans(string.punctuation, " " * len(string.punctuation))

_UNSPACED = "".join(rf"\p{{scx={name}}}" for name in ("Han", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Khmr", "Mymr"))
_MARKS = r"[\p{M}\u200c\u200d]*+"
_SINGLE = rf"(?=\p{{L}}|\p{{Nl}})[{_UNSPACED}]{_MARKS}"
"""A letter of a script without blanks, with its marks."""
# Letters such as the IPA stress mark belong to no script: rouge_score leaves them out of Latin texts, and so must we.
_FOREIGN = r"(?:(?=\p{L})[^\p{sc=Latin}\p{sc=Common}\p{sc=Inherited}]|(?![0-9])\p{Nd})"
"""A letter of another script than Latin, or a digit other than 0 to 9."""

_ALONE = regex.compile(rf"{_SINGLE}|(?=\p{{P}}|\p{{S}})[{_UNSPACED}\uff01-\uffef]")
_PUNCTUATION = regex.compile(rf"[\p{{P}}{regex.escape(string.punctuation)}]+")
_ROUGE = regex.compile(rf"[a-z0-9]+|{_SINGLE}|{_FOREIGN}(?:(?!{_SINGLE}){_FOREIGN}|[\p{{M}}\u200c\u200d])*+")
_LETTER = regex.compile(_SINGLE)
# A hyphen parts two numbers. Other dashes part whatever they stand between: SQuAD's punctuation is ASCII alone.
_DASH = regex.compile(r"[\u2012-\u2015\u2212]|(?<=\b\d[\w.,%]*)[-\u2010\u2011](?=\p{Sc}?\d)")


def squad_words(text: str) -> list[str]:
    """Words by the rules of SQuAD (arXiv 1606.05250): lower case, punctuation deleted, then a, an and the left out.

    Punctuation is that of ASCII and words stand between blanks, so that a Chinese text is one word.
    """
    return _ARTICLES.sub(" ", text.lower().translate(_DELETED)).split()


def mixed_words(text: str) -> list[str]:
    """Words by the rules of MLQA for Chinese (arXiv 1910.07475): lower case, all punctuation deleted, articles kept.

    Letters of scripts without blanks stand alone: MLQA names Chinese, here these are all of them.
    """
    return _apart(_PUNCTUATION.sub("", text.lower()))


def passage_words(text: str) -> list[str]:
    """The words by which an answer is looked for in a passage: those of `squad_words`, and three rules more.

    Letters of scripts without blanks stand alone. A dash parts words. A hyphen parts two numbers. So 1939 is a word of
    "1939-1945" and of "1939–1945", whichever dash is written, and "twenty-one" is one word, as in SQuAD.
    """
    return [word for part in squad_words(_DASH.sub(" ", spaced(text))) for word in _apart(part)]


def words_of(passage: Passage) -> list[str]:
    """The `passage_words` of title and text, with an empty word between, so that no answer stands across the two."""
    return [*passage_words(passage.title), "", *passage_words(passage.text)]


def stands(words: Sequence[str], within: Sequence[str]) -> bool:
    """Whether the words, at least one, follow one another in a text."""
    width = len(words)
    return bool(words) and any(within[i : i + width] == words for i in range(len(within) - width + 1))


def dialog_words(text: str, *, articles: bool) -> list[str]:
    """Words by the rules of ParlAI (arXiv 1705.06476): lower case, punctuation turned into blanks.

    Letters of scripts without blanks stand alone, and there their own punctuation becomes blanks too.

    Args:
        text: Any text.
        articles: Keep a, an and the; ParlAI leaves them out.
    """
    blanked = spaced(text.lower()).translate(_BLANKED)
    return _apart(blanked if articles else _ARTICLES.sub(" ", blanked))


def rouge_words(text: str) -> list[str]:
    """Words for ROUGE: in Latin script those of rouge_score, whose words are runs of a to z and 0 to 9 in lower case.

    In other scripts a run of letters, their marks and digits is a word, and letters of scripts without blanks stand
    alone. Full-width letters and digits are ASCII's. Accented Latin letters part words ("café" is "caf"), as in
    rouge_score, so that figures of Latin texts are those of the literature.
    """
    found: list[str] = _ROUGE.findall(text.lower().translate(_NARROWED))
    return [word if word.isascii() else unicodedata.normalize("NFC", word) for word in found]


def without_blanks(text: str) -> bool:
    """Whether the text holds a letter of a script that is written without blanks between words."""
    return not text.isascii() and _LETTER.search(text) is not None


def spaced(text: str) -> str:
    """The text with blanks around each letter and sign of scripts without blanks, as sacrebleu's ``zh`` puts them."""
    return _ALONE.sub(r" \g<0> ", text) if without_blanks(text) else text


def overlap(one: Sequence[str], other: Sequence[str]) -> int:
    """Words in common, each as often as it stands in both."""
    return (Counter(one) & Counter(other)).total()


def bag_f1(prediction: Sequence[str], reference: Sequence[str]) -> float:
    """2 P R / (P + R) with P = overlap / words of the prediction, R = overlap / words of the reference; 0 if none."""
    common = overlap(prediction, reference)
    if not common:
        return 0.0
    precision, recall = common / len(prediction), common / len(reference)
    # In the order of SQuAD's and ParlAI's scripts: the last bit is theirs too.
    return 2 * precision * recall / (precision + recall)


def _apart(text: str) -> list[str]:
    """The words between blanks, letters of scripts without blanks alone, without the punctuation beside them."""
    if not without_blanks(text):
        return text.split()
    return [word for word in spaced(text).split() if not _PUNCTUATION.fullmatch(word)]
