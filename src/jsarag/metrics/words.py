"""Texts as the words that metrics compare, and the F1 of two bags of words."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DELETED = str.maketrans("", "", string.punctuation)
_BLANKED = str.maketrans(string.punctuation, " " * len(string.punctuation))


def squad_words(text: str) -> list[str]:
    """Words by the rules of SQuAD (arXiv 1606.05250): lower case, punctuation deleted, then a, an and the left out."""
    return _ARTICLES.sub(" ", text.lower().translate(_DELETED)).split()


def dialog_words(text: str, *, articles: bool) -> list[str]:
    """Words by the rules of ParlAI (arXiv 1705.06476): lower case, punctuation turned into blanks.

    Args:
        text: Any text.
        articles: Keep a, an and the; ParlAI leaves them out.
    """
    blanked = text.lower().translate(_BLANKED)
    return (blanked if articles else _ARTICLES.sub(" ", blanked)).split()


def overlap(one: Sequence[str], other: Sequence[str]) -> int:
    """Words in common, each as often as it stands in both."""
    return (Counter(one) & Counter(other)).total()


def bag_f1(prediction: Sequence[str], reference: Sequence[str]) -> float:
    """2 P R / (P + R) with P = overlap / words of the prediction, R = overlap / words of the reference; 0 if none."""
    common = overlap(prediction, reference)
    return 2 * common / (len(prediction) + len(reference)) if common else 0.0
