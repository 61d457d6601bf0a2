"""What training gained on sets that were measured, to hold a question log of some size against."""

from __future__ import annotations

from dataclasses import dataclass

from jsarag.data.split import FEWEST


@dataclass(frozen=True)
class Gain:
    """One set; MRR@10 of the retriever and F1 of the answers in percent, before and after training.

    Attributes:
        name: The set.
        dialogs: Whether its pairs are turns of dialogs.
        pairs: Training pairs.
        retrieval: MRR@10 before and after.
        answers: F1 before and after.
        source: Where the measurement is described.
    """

    name: str
    dialogs: bool
    pairs: int
    retrieval: tuple[float, float]
    answers: tuple[float, float]
    source: str

    def __str__(self) -> str:
        """One line."""
        kind = "dialog turns" if self.dialogs else "questions"
        (before, after), (worse, better) = self.retrieval, self.answers
        return (
            f"{self.name}, {self.pairs:,} {kind}: MRR@10 {before:.1f} to {after:.1f} (+{after - before:.1f}), "
            f"F1 {worse:.1f} to {better:.1f} ({self.source})"
        )


MEASURED = (
    Gain("the bundled sample", False, 608, (43.1, 55.3), (1.2, 25.3), "docs/results.md"),
    Gain("dstc11", True, 1_490, (23.8, 87.0), (6.9, 26.7), "experiments/answers"),
    Gain("doqa", True, 3_341, (80.0, 80.4), (6.7, 25.9), "experiments/answers"),
    Gain("open-squad", False, 6_145, (71.3, 73.6), (11.2, 47.2), "experiments/answers"),
)
"""JSA with SmolLM2-135M and all-MiniLM-L6-v2; fewest pairs first."""


def enough(pairs: int) -> str:
    """Whether so many training pairs are enough to learn from, in one line.

    Example:
        >>> enough(30)
        'too few to learn from: below 50 pairs nothing is held out, and no figure could show a gain'
    """
    if pairs < FEWEST:
        return f"too few to learn from: below {FEWEST} pairs nothing is held out, and no figure could show a gain"
    smaller = [gain for gain in MEASURED if gain.pairs <= pairs]
    if not smaller:
        return f"fewer than the {MEASURED[0].pairs:,} of the smallest set that was measured: a gain is not known"
    return f"as many as sets on which training gained: {', '.join(gain.name for gain in smaller)}"


def alike(dialogs: bool) -> list[Gain]:
    """The measured sets, those of the same kind first."""
    return sorted(MEASURED, key=lambda gain: gain.dialogs != dialogs)
