"""Top-1: one answer, from the best passage alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jsarag.models import Generator
from jsarag.types import Answer, Retrieved


def top1(
    generator: Generator,
    xs: Sequence[str],
    retrieved: Sequence[Sequence[Retrieved]],
    progress: Callable[[int], None] | None = None,
) -> list[Answer]:
    """Decode each x with its first passage; the cheapest mode, one generation a question."""
    generated = generator.generate(
        [(x, (hs[0].passage,)) for x, hs in zip(xs, retrieved, strict=True)], progress=progress
    )
    return [Answer(g.text, g.log_probability, tuple(hs)) for g, hs in zip(generated, retrieved, strict=True)]
