"""Warnings while a run goes wrong: retrieval that collapses, a chain that stops mixing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

WINDOW = 200
"""Recent questions that are looked at."""
COLLAPSED = 0.25
"""Retrieval has collapsed when distinct top passages fall below this share of what the first window had."""
STUCK = 0.02
"""The chain no longer mixes when the mean acceptance rate of a window falls below this."""


@dataclass
class Window:
    """What a monitor has seen, oldest first; saved with a run, so that a resumed run warns as an undisturbed one.

    Attributes:
        top1: The prior's best passage for each recent question.
        acceptance: The acceptance rate of the batch of each recent question.
        healthy: Distinct top passages of the first full window; None before.
    """

    top1: list[int] = field(default_factory=list)
    acceptance: list[float] = field(default_factory=list)
    healthy: int | None = None


class Monitor:
    """Watches a sliding window of questions; each warning is given once."""

    def __init__(self, warned: dict[str, str], window: Window) -> None:
        """``warned`` holds the warnings already given by kind; both are added to."""
        self._warned, self._window = warned, window

    def watch(self, top1: Sequence[int], acceptance: float | None) -> list[str]:
        """Take in one batch: the prior's best passages, and the acceptance rate where there is a chain."""
        seen = self._window
        seen.top1 = [*seen.top1, *top1][-WINDOW:]
        if acceptance is not None:
            seen.acceptance = [*seen.acceptance, *[acceptance] * len(top1)][-WINDOW:]
        warnings = []
        if len(seen.top1) == WINDOW:
            distinct = len(set(seen.top1))
            seen.healthy = seen.healthy or distinct
            if distinct < COLLAPSED * seen.healthy:
                warnings += self._once(
                    "collapse",
                    f"retrieval collapses: {distinct} distinct top passages over the last {WINDOW} questions, "
                    f"{seen.healthy} over the first {WINDOW}; lower optim.lr_prior",
                )
        if len(seen.acceptance) == WINDOW:
            mean = sum(seen.acceptance) / WINDOW
            if mean < STUCK:
                warnings += self._once(
                    "stuck",
                    f"the chain stops mixing: mean acceptance {mean:.3f} over the last {WINDOW} questions; raise "
                    "optim.lr_posterior or objective.m, or try objective.exact",
                )
        return warnings

    def _once(self, kind: str, text: str) -> list[str]:
        if kind in self._warned:
            return []
        self._warned[kind] = text
        return [text]
