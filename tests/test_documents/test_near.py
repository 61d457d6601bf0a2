"""Duplicates against the Jaccard similarity of all pairs."""

from __future__ import annotations

import random
import re
from itertools import combinations

from jsarag.documents.near import ALIKE, WORDS, Twins

Text = tuple[str, str]


def duplicates(texts: list[Text]) -> dict[int, tuple[int, float]]:
    twins = Twins(texts.__getitem__)
    for title, text in texts:
        twins.add(title, text)
    return twins.find()


def alike(a: Text, b: Text) -> float:
    first, second = (
        {tuple(words[i : i + WORDS]) for i in range(max(len(words) - WORDS + 1, 1))}
        for words in (re.findall(r"\w+", " ".join(one).lower()) for one in (a, b))
    )
    return len(first & second) / len(first | second)


def test_all_pairs() -> None:
    """Texts with a few words exchanged: what is dropped has a first one that stays, as similar as is said."""
    draw = random.Random(0)
    bases = [[draw.choice("abcdefghijklmnopqrstuvwxyz") * draw.randint(1, 4) for _ in range(120)] for _ in range(12)]
    texts: list[Text] = []
    for _ in range(200):
        words = list(draw.choice(bases))
        for _ in range(draw.choice([0, 1, 2, 3, 6, 12])):
            words[draw.randrange(len(words))] = "other"
        texts.append(("", " ".join(words)))
    found = duplicates(texts)
    assert 50 < len(found) < 190
    for b, (a, similarity) in found.items():
        assert a < b
        assert a not in found
        assert similarity == alike(texts[a], texts[b]) >= ALIKE
    for a, b in combinations(range(len(texts)), 2):
        if a not in found and b not in found:
            assert alike(texts[a], texts[b]) < ALIKE


def test_same_words_are_exact() -> None:
    assert duplicates([("T", "The red boat."), ("x", "y"), ("t", "the  red boat!")]) == {2: (0, 1.0)}


def test_numbers_tell_passages_apart() -> None:
    """A price list of two towns: all but one word is the same."""
    text = " ".join(a + b for a in "abcdefgh" for b in "abcdefgh")
    assert duplicates([("", f"{text} 50 EUR"), ("", f"{text} 60 EUR")]) == {}
    assert list(duplicates([("", f"{text} 50 EUR"), ("", f"{text} 50 euros")])) == [1]


def test_many_of_one() -> None:
    """More copies than are compared with each other, all of the first one."""
    texts = [("", "the red boat leaves the harbour at noon today")] * 300
    assert duplicates(texts) == dict.fromkeys(range(1, 300), (0, 1.0))


def test_title_counts() -> None:
    """The same short text under two headings says two things."""
    assert duplicates([("port", "Type: number. Required: yes."), ("host name", "Type: number. Required: yes.")]) == {}
