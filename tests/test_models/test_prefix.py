"""Which beginnings of prompts are shared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jsarag.models.prefix import shared

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=12)


def test_one_beginning_for_all_or_one_for_each_input() -> None:
    chat = [[1, 2, 3, 4, 5], [1, 2, 3, 6, 7], [1, 2, 3, 8]]
    assert shared(chat, ["a", "b", "c"]) == ([[1, 2, 3]], [0, 0, 0])
    dialogs = [[1, 5, 5, 5, 7], [1, 6, 6, 6, 8], [1, 5, 5, 5, 9], [1, 6, 6, 6, 7]]
    assert shared(dialogs, ["a", "b", "a", "b"]) == ([[1, 5, 5, 5], [1, 6, 6, 6]], [0, 1, 0, 1])


def test_nothing_is_shared_where_nothing_is_saved() -> None:
    assert shared([[1, 2, 3]], ["a"]) is None
    assert shared([[1, 2], [3, 4]], ["a", "b"]) is None
    assert shared([[1], [1]], ["a", "a"]) is None


@given(st.lists(st.tuples(TOKENS, st.sampled_from("abc")), min_size=1, max_size=8))
def test_every_prompt_starts_with_its_beginning_and_goes_on(rows: list[tuple[list[int], str]]) -> None:
    prompts, xs = [tokens for tokens, _ in rows], [x for _, x in rows]
    found = shared(prompts, xs)
    if found is not None:
        for prompt, g in zip(prompts, found.of, strict=True):
            beginning = found.tokens[g]
            assert prompt[: len(beginning)] == beginning
            assert 0 < len(beginning) < len(prompt)
