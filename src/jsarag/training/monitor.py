"""Warnings while a run goes wrong: retrieval that collapses, a chain that stops mixing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

WINDOW = 200
"""Recent questions that are looked at."""
COLLAPSED = 0.25
"""Retrieval has collapsed when distinct top passages fall below this share of what the first window had."""
STUCK = 0.02
"""The chain no longer mixes when the mean acceptance rate of a window falls below this."""


class Monitor:
    """Watches a sliding window of questions; each warning is given once."""

    def __init__(self, warned: dict[str, str]) -> None:
        """``warned`` holds the warnings already given by kind, and is added to."""
        self._warned = warned
        self._top1: deque[int] = deque(maxlen=WINDOW)
        self._acceptance: deque[float] = deque(maxlen=WINDOW)
        self._healthy: int | None = None

    def watch(self, top1: Sequence[int], acceptance: float | None) -> list[str]:
        """Take in one batch: the prior's best passages, and the acceptance rate where there is a chain."""
        self._top1.extend(top1)
        if acceptance is not None:
            self._acceptance.extend([acceptance] * len(top1))
        warnings = []
        if len(self._top1) == WINDOW:
            distinct = len(set(self._top1))
            self._healthy = self._healthy or distinct
            if distinct < COLLAPSED * self._healthy:
                warnings += self._once(
                    "collapse",
                    f"retrieval collapses: {distinct} distinct top passages over the last {WINDOW} questions, "
                    f"{self._healthy} over the first {WINDOW}; lower optim.lr_prior",
                )
        if len(self._acceptance) == WINDOW:
            mean = sum(self._acceptance) / WINDOW
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
