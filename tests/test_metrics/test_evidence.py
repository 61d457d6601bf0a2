"""Whether passages hold the accepted answer: a table worked by hand."""

from __future__ import annotations

import pytest

from jsarag.metrics import evidence_scores
from jsarag.types import Passage

PASSAGES = [
    Passage("a", "Lamps", "The lamp of Ada is red."),
    Passage("b", "Boats", "a boat, and 1939–1945 on it"),
    Passage("c", "", "the red boat of Ada"),
]

TABLE = [
    # accepted answers, passages in order: answer@1, answer@2, words@1, words@2
    (["red"], "ab", 1, 1, 1, 1),
    (["red"], "ba", 0, 1, 0, 1),
    (["the boat of Ada"], "ab", 0, 0, 2 / 3, 2 / 3),  # of and Ada; boat alone in b; "the" is no word here
    (["the boat Ada"], "ac", 0, 0, 1 / 2, 1),  # both words in c, with another one between
    (["blue", "1945"], "ab", 0, 1, 0, 1),  # the better of two answers; a dash parts numbers
    (["Lamps the"], "ab", 1, 1, 1, 1),  # a title counts
    (["Lamps lamp"], "ab", 0, 0, 1, 1),  # but nothing stands across title and text
    (["the"], "ab", 0, 0, 0, 0),  # no word at all
    (["red"], "", 0, 0, 0, 0),  # nothing was found
    (["red red"], "ac", 0, 0, 1 / 2, 1 / 2),  # each word as often as it stands there
]


@pytest.mark.parametrize(("accepted", "names", "answer1", "answer2", "words1", "words2"), TABLE)
def test_evidence(
    accepted: list[str], names: str, answer1: float, answer2: float, words1: float, words2: float
) -> None:
    by = {passage.id: passage for passage in PASSAGES}
    found = evidence_scores([accepted], [[by[name] for name in names]], (1, 2))
    assert found == {"answer@1": [answer1], "words@1": [words1], "answer@2": [answer2], "words@2": [words2]}


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="as many predictions as references"):
        evidence_scores([["a"]], [], (1,))
    with pytest.raises(ValueError, match="cutoffs above 0"):
        evidence_scores([["a"]], [[]], (0,))
