"""Examples that would not fit into a prompt, found before any work starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jsarag.models import Generator
from jsarag.types import InputError, Passage

EMPTY = Passage("", "", "")
"""Stands for any passage: its text is cut to fit, the template around it is not."""


def check_fits(
    generator: Generator,
    pairs: Sequence[tuple[str, str, str]],
    where: str,
    *,
    answered: bool,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Refuse questions that leave no room for an answer, in the prompt with passages and in the one without.

    Args:
        generator: Its prompt and the longest answer.
        pairs: Id, x and y of each.
        where: The file they come from, for the error.
        answered: Whether the generator will answer x, and not only score y.
        progress: Told each pair that fits.

    Raises:
        InputError: the first that does not fit, with its id.
    """
    prompt = generator.prompt
    # A decoder may score what it generated, with the end of answer behind the longest one.
    longest = generator.config.max_new_tokens + 1 if answered else 0
    for name, x, y in pairs:
        room = max(len(prompt.answer(y)), longest)
        try:
            for passages in ((), (EMPTY,)):
                prompt.context(x, passages, room=room)
        except InputError as error:
            raise InputError(f"{where}, pair {name!r}: {error}") from None
        if progress:
            progress(1)
