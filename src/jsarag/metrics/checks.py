"""What every metric of texts refuses."""

from __future__ import annotations

from collections.abc import Sequence


def check_references(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Refuse with ValueError lengths that differ, and an example without references or with a bare string of them."""
    if len(predictions) != len(references):
        raise ValueError(f"expected as many predictions as references, got {len(predictions)} and {len(references)}")
    for i, accepted in enumerate(references):
        if isinstance(accepted, str) or not accepted:
            raise ValueError(f"example {i}: expected a sequence of one or more references, got {accepted!r}")
