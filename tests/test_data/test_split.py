"""Pairs held out by themselves: a partition, no group torn, a tenth each, by content alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jsarag.data.split import ALIKE, FEWEST, Split, _pieces, similarity, split, words
from jsarag.types import Example, Turn

NOUNS = ["lamp", "boat", "key", "stove", "harbour", "tower", "slip", "bell", "card", "store"]


def pairs(texts: Sequence[str]) -> list[Example]:
    return [Example(str(i), text, (f"answer {i}",)) for i, text in enumerate(texts)]


def sides(found: Split) -> dict[str, str]:
    """The side of each pair by its id."""
    named = {"train": found.train, "dev": found.dev, "test": found.test}
    return {e.id: side for side, examples in named.items() for e in examples}


def contents(found: Split) -> list[list[tuple[str, ...]]]:
    return [sorted((e.input, *e.outputs) for e in side) for side in (found.train, found.dev, found.test)]


def random_text(rng: random.Random) -> str:
    return " ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(5))


@st.composite
def data(draw: st.DrawFn) -> tuple[list[Example], list[str]]:
    """Pairs with exact duplicates, near-duplicates (a letter changed at the end, case, signs) and dialogs."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    texts: list[str] = []
    while len(texts) < draw(st.integers(FEWEST, 150)):
        text = random_text(rng)
        texts += [text, text + rng.choice("abc"), text.upper() + " ?", text][: rng.choice([1, 1, 1, 2, 3, 4])]
    rng.shuffle(texts)
    dialogs = draw(st.sampled_from([0, 20, 40]))
    return pairs(texts), [f"d{rng.randrange(dialogs)}" if dialogs and rng.random() < 0.5 else "" for _ in texts]


@settings(max_examples=40, deadline=None)
@given(data())
def test_a_partition_with_no_group_torn_and_no_larger_than_a_tenth(made: tuple[list[Example], list[str]]) -> None:
    examples, dialogs = made
    found = split(examples, dialogs)
    side = sides(found)
    assert sorted(side) == sorted(e.id for e in examples)
    assert len(found.train) + len(found.dev) + len(found.test) == len(examples)
    share = round(len(examples) / 10)
    assert max(len(found.dev), len(found.test)) <= share
    order = {e.id: i for i, e in enumerate(examples)}
    for held in (found.train, found.dev, found.test):
        assert [order[e.id] for e in held] == sorted(order[e.id] for e in held)
    alike: dict[str, set[str]] = {e.id: {e.id} for e in examples}
    for (a, first), (b, second) in combinations(zip(examples, dialogs, strict=True), 2):
        texts = _pieces(words(a.input)), _pieces(words(b.input))
        if (first and first == second) or similarity(*texts) >= ALIKE:
            assert side[a.id] == side[b.id], (a, b)
            joined = alike[a.id] | alike[b.id]
            alike |= dict.fromkeys(joined, joined)
    # As large as whole groups allow: no group that is trained on would have gone in.
    room = share - min(len(found.dev), len(found.test))
    if not found.reason:
        assert all(len(alike[e.id]) > room for e in found.train)


@settings(max_examples=20, deadline=None)
@given(data(), st.randoms(use_true_random=False))
def test_neither_order_nor_ids_matter(made: tuple[list[Example], list[str]], rng: random.Random) -> None:
    rows = list(zip(*made, strict=True))
    rng.shuffle(rows)
    shuffled = [replace(e, id=f"other {i}") for i, (e, _) in enumerate(rows)]
    assert contents(split(shuffled, [dialog for _, dialog in rows])) == contents(split(*made))


def test_a_tenth_each_where_all_questions_differ() -> None:
    rng = random.Random(0)
    found = split(pairs([random_text(rng) for _ in range(812)]))
    assert (len(found.train), len(found.dev), len(found.test)) == (650, 81, 81)
    assert str(found) == (
        "no dev or test given: held out 81 dev and 81 test of 812 pairs (near-duplicate questions kept on one side); "
        "data.split: none turns this off"
    )


def test_a_few_pairs_are_left_together() -> None:
    rng = random.Random(0)
    examples = pairs([random_text(rng) for _ in range(FEWEST - 1)])
    found = split(examples)
    assert (found.train, found.dev, found.test) == (examples, [], [])
    assert str(found) == "no dev or test given, and nothing held out: 49 pairs are fewer than 50"


def test_questions_that_are_all_alike_are_left_together() -> None:
    examples = pairs([f"what is the telephone number of the office in street {i} of the town" for i in range(100)])
    found = split(examples)
    assert (found.train, found.dev, found.test) == (examples, [], [])
    assert "too many questions are near-duplicates of each other (one group has 100 of 100)" in str(found)


def chats(start: Sequence[str], *, named: bool) -> tuple[list[Example], list[str]]:
    """A dialog of three pairs for each first turn; the third turn and what follows are the dialog's own."""
    rng, found, names = random.Random(0), [], []
    for d, first in enumerate(start):
        turns = [Turn("user", first), Turn("agent", "hello , how can we help you today ?")]
        for n in range(3):
            found.append(Example(f"{d}/{n}", turns[-2].text, (turns[-1].text,), history=tuple(turns[:-2])))
            names.append(f"dialog {d}" if named else "")
            turns += [Turn("user", random_text(rng)), Turn("agent", random_text(rng))]
    return found, names


@pytest.mark.parametrize("named", [True, False])
def test_dialogs_stay_whole_and_a_greeting_does_not_join_them(named: bool) -> None:
    examples, names = chats(["hi"] * 40, named=named)
    found = split(examples, names)
    assert len(found.dev) + len(found.test) >= 18
    side = sides(found)
    for d in range(40):
        # Without names a greeting alone is a question of its own.
        assert len({side[f"{d}/{n}"] for n in range(0 if named else 1, 3)}) == 1
    assert "(dialogs and near-duplicate questions kept on one side)" in str(found)


@pytest.mark.parametrize("named", [True, False])
def test_dialogs_with_the_same_first_question_stay_together(named: bool) -> None:
    rng = random.Random(1)
    start = [random_text(rng) for _ in range(30)]
    examples, names = chats([*start, *(text.upper() for text in start)], named=named)
    found = split(examples, names)
    side = sides(found)
    assert not found.reason
    for d in range(30):
        assert len({side[f"{other}/{n}"] for other in (d, d + 30) for n in range(3)}) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How do I reset my password?", "how do i reset my password", True),
        ("Ｈｏｗ do I reset it", "how do i reset it", True),
        ("कि", "का", False),
        ("押金什么时候退还？", "押金什么时候退还", True),
        ("🙂", "🙁", False),
    ],
)
def test_what_the_same_question_is(one: str, other: str, same: bool) -> None:
    assert (words(one) == words(other)) is same
