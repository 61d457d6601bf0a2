"""Which examples the report shows: those whose best passage changed in training, then others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Literal

from jsarag.metrics import METRICS
from jsarag.report.record import Pair, Shown, Side

PASSAGES = 4
"""Passages shown a side; the best gold passage is shown besides where it stands lower."""
MOST = 60
"""Examples shown."""

Outcome = Literal["won", "lost", "other", "same"]


@dataclass(frozen=True)
class Ranked:
    """A passage with its rank from 1 and whether it is gold."""

    rank: int
    passage: Shown
    gold: bool


@dataclass(frozen=True)
class View:
    """One side of an example: its passages, and what its answer is worth.

    Attributes:
        side: The answer and all passages.
        ranked: The passages shown.
        right: Whether the answer has the words of an accepted one (EM); None without an answer.
        f1: Of the answer; None without an answer.
    """

    side: Side
    ranked: tuple[Ranked, ...]
    right: bool | None
    f1: float | None


@dataclass(frozen=True)
class Change:
    """An example and what became of its best passage.

    Gold entered the first rank (won), left it (lost), another passage came first without that (other), or the best
    passage stayed (same).
    """

    pair: Pair
    outcome: Outcome
    before: View
    after: View


@dataclass(frozen=True)
class Changes:
    """The examples to show, and how many there are of each outcome among all ``total`` examples."""

    shown: tuple[Change, ...]
    won: int
    lost: int
    other: int
    total: int
    labelled: int


def changes(pairs: Sequence[Pair], limit: int = MOST) -> Changes:
    """Count changed top-1 passages and choose up to ``limit`` examples: won and lost by turns, others, then the same.

    Won and lost take turns so that a few losses are seen beside many gains.
    """
    by: dict[Outcome, list[Pair]] = {"won": [], "lost": [], "other": [], "same": []}
    for pair in pairs:
        by[_outcome(pair)].append(pair)
    turns = chain.from_iterable(zip_longest(by["won"], by["lost"]))
    order = [pair for pair in turns if pair] + by["other"] + by["same"]
    return Changes(
        shown=tuple(
            Change(pair, _outcome(pair), _view(pair.before, pair), _view(pair.after, pair)) for pair in order[:limit]
        ),
        won=len(by["won"]),
        lost=len(by["lost"]),
        other=len(by["other"]),
        total=len(pairs),
        labelled=sum(bool(pair.gold) for pair in pairs),
    )


def _outcome(pair: Pair) -> Outcome:
    """``same`` also where a side has no passages."""
    if not pair.before.passages or not pair.after.passages:
        return "same"
    before, after = pair.before.passages[0].id, pair.after.passages[0].id
    if before == after:
        return "same"
    if (before in pair.gold) == (after in pair.gold):
        return "other"
    return "won" if after in pair.gold else "lost"


def _view(side: Side, pair: Pair) -> View:
    ranked = [Ranked(rank, passage, passage.id in pair.gold) for rank, passage in enumerate(side.passages, start=1)]
    top, rest = ranked[:PASSAGES], ranked[PASSAGES:]
    if not any(h.gold for h in top):
        top += [h for h in rest if h.gold][:1]
    if side.answer is None or not pair.outputs:
        return View(side, tuple(top), None, None)
    em, f1 = (METRICS[name].score([side.answer], [pair.outputs]) for name in ("em", "f1"))
    return View(side, tuple(top), bool(em and em[0] == 1), f1[0] if f1 else None)
