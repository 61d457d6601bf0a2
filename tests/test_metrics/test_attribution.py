"""Attribution against a table worked by hand, row by row."""

from __future__ import annotations

import pytest

from jsarag.metrics import attribution_scores
from jsarag.types import Passage

CLOCK = Passage("clock", "The Tower Clock", "It was set by Ada Neri in 1888. It strikes at nine.")
BELL = Passage("bell", "Bell", "The bell of the harbour rings seven times a day.")
NONE = Passage("none", "", "Nothing here.")

WARS = Passage("wars", "Two Wars (1914-1918, 1939–1945)", "Prices rose 5%-10% a year—twenty-one in all.")
CAPITAL = Passage("capital", "北京", "中国的首都是北京市，1949年起。")

FIGURES = (
    "reference_in_passages",
    "reference_in_first",
    "answer_in_passages",
    "answer_in_first",
    "support",
    "against",
    "by_heart",
)
TABLE = [
    # answer, accepted, passages, closed book, then the figures in order
    ("Ada Neri", ["Ada Neri"], [CLOCK, BELL], "Tib", (1, 1, 1, 1, 1, 0, 0)),  # right, from the first passage
    ("the ADA neri.", ["Ada Neri"], [CLOCK], "Tib", (1, 1, 1, 1, 1, 0, 0)),  # case, articles, punctuation
    ("Ada Neri", ["Ada Neri"], [BELL, CLOCK], "Tib", (1, 0, 1, 0, 1, 0, 0)),  # from the second
    ("seven", ["Ada Neri"], [CLOCK, BELL], "Tib", (1, 1, 1, 0, 1, 0, 0)),  # wrong, but a passage says it
    ("Tib", ["Ada Neri"], [CLOCK, BELL], "tib", (1, 1, 0, 0, 0, 1, 1)),  # memory against a passage
    ("Tib", ["Ada Neri"], [BELL], "tib", (0, 0, 0, 0, 0, 0, 1)),  # memory where nothing could be read
    ("Tib", ["Ada Neri"], [CLOCK], "Bo", (1, 1, 0, 0, 0, 1, 0)),  # neither the passage nor memory
    ("Ada Neri", ["Ada Neri"], [BELL], "Ada Neri", (0, 0, 0, 0, 0, 0, 1)),  # right by heart
    ("Ada Neri", ["Ada Neri"], [CLOCK], "Ada Neri", (1, 1, 1, 1, 1, 0, 0)),  # known, but read as well
    ("Neri Ada", ["Ada Neri"], [CLOCK], "", (1, 1, 0, 0, 1, 1, 0)),  # all words are there, in another order
    ("Ada, in 1888", ["Ada Neri"], [CLOCK], "", (1, 1, 0, 0, 1, 1, 0)),  # words that do not follow one another
    ("Ada Ada", ["Ada Neri"], [CLOCK], "", (1, 1, 0, 0, 1 / 2, 1, 0)),  # the passage holds the word once
    ("at seven times", ["x"], [CLOCK, BELL], "", (0, 0, 0, 0, 2 / 3, 0, 0)),  # the bell's 2 of 3, not 3 of both
    ("clock it", ["nine"], [CLOCK], "", (1, 1, 0, 0, 1, 1, 0)),  # not across title and text
    ("tower clock", ["nine"], [CLOCK], "", (1, 1, 1, 1, 1, 0, 0)),  # the title counts
    ("ine", ["Ada Neri"], [CLOCK], "", (1, 1, 0, 0, 0, 1, 0)),  # part of a word is no word
    ("", ["Ada Neri"], [CLOCK], "", (1, 1, 0, 0, 0, 0, 0)),  # no answer: neither against nor by heart
    ("the", ["Ada Neri"], [CLOCK], "a", (1, 1, 0, 0, 0, 0, 0)),  # an article is no answer either
    ("in 1887", ["in 1888", "in 1887"], [CLOCK], "", (1, 1, 0, 0, 1 / 2, 0, 0)),  # right in words of its own
    ("Tib", ["the", "!"], [NONE], "", (0, 0, 0, 0, 0, 0, 0)),  # a reference without words stands nowhere
    ("1939", ["1945"], [WARS], "", (1, 1, 1, 1, 1, 0, 0)),  # numbers on either side of a dash
    ("1914", ["1918"], [WARS], "", (1, 1, 1, 1, 1, 0, 0)),  # and of a hyphen
    ("1939-1945", ["1914–1918"], [WARS], "", (1, 1, 1, 1, 1, 0, 0)),  # whichever of the two is written
    ("10%", ["year"], [WARS], "", (1, 1, 1, 1, 1, 0, 0)),  # a sign may follow the number
    ("one", ["twenty"], [WARS], "", (0, 0, 0, 0, 0, 0, 0)),  # a hyphen between letters joins them, as in SQuAD
    ("首都", ["北京"], [CAPITAL], "", (1, 1, 1, 1, 1, 0, 0)),  # no blanks part the words of Chinese
    ("上海", ["1949"], [CAPITAL], "上海", (1, 1, 0, 0, 0, 1, 1)),
    ("东京", ["京中"], [CAPITAL], "", (0, 0, 0, 0, 1 / 2, 0, 0)),  # not across title and text
]


@pytest.mark.parametrize(("answer", "accepted", "passages", "closed", "expected"), TABLE)
def test_one_answer(
    answer: str, accepted: list[str], passages: list[Passage], closed: str, expected: tuple[float, ...]
) -> None:
    scores = attribution_scores([answer], [accepted], [passages], [closed])
    assert {name: values[0] for name, values in scores.items()} == pytest.approx(
        dict(zip(FIGURES, expected, strict=True))
    )


def test_each_example_is_judged_by_its_own_passages() -> None:
    answers, accepted, passages, closed, expected = zip(*TABLE, strict=True)
    scores = attribution_scores(answers, accepted, passages, closed)
    for position, name in enumerate(FIGURES):
        assert scores[name] == pytest.approx([row[position] for row in expected])


def test_without_closed_book_answers_nothing_is_said_about_memory() -> None:
    assert list(attribution_scores(["x"], [["x"]], [[NONE]])) == list(FIGURES[:-1])


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="example 0 has no passage"):
        attribution_scores(["a"], [["a"]], [[]])
    with pytest.raises(ValueError, match="of 1 examples"):
        attribution_scores(["a"], [["a"]], [])
    with pytest.raises(ValueError, match="of 1 examples"):
        attribution_scores(["a"], [["a"]], [[NONE]], [])
    with pytest.raises(ValueError, match="got 1 and 0"):
        attribution_scores(["a"], [], [[NONE]])
