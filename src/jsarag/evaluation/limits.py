"""Examples that would not fit into a prompt, found before any work starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jsarag.models import Generator
from jsarag.types import InputError


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
        generator: Scores and answers them.
        pairs: Id, x and y of each.
        where: The file they come from, for the error.
        answered: Whether the generator will answer x, and not only score y.
        progress: Told each pair that fits.

    Raises:
        InputError: the first that does not fit, with its id.
    """
    for name, x, y in pairs:
        try:
            generator.check_fits(x, y, answered=answered)
        except InputError as error:
            raise InputError(f"{where}, pair {name!r}: {error}") from None
        if progress:
            progress(1)
