"""Which examples the report shows: those whose best passage changed in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Literal

from jsarag.report.record import Pair, Shown, Side

PASSAGES = 4
"""Passages shown a side; the best gold passage is shown besides where it stands lower."""

Outcome = Literal["won", "lost", "other"]


@dataclass(frozen=True)
class Ranked:
    """A passage with its rank from 1 and whether it is gold."""

    rank: int
    passage: Shown
    gold: bool


@dataclass(frozen=True)
class Change:
    """An example whose best passage changed: gold entered the top 1 (won), left it (lost), or neither (other)."""

    pair: Pair
    outcome: Outcome
    before: tuple[Ranked, ...]
    after: tuple[Ranked, ...]


@dataclass(frozen=True)
class Changes:
    """The examples to show, and how many there are of each outcome among all ``total`` examples."""

    shown: tuple[Change, ...]
    won: int
    lost: int
    other: int
    total: int
    labelled: int


def changes(pairs: Sequence[Pair], limit: int = 12) -> Changes:
    """Count changed top-1 passages and choose up to ``limit`` examples: won and lost by turns, then the others.

    Won and lost take turns so that a few losses are seen beside many gains.
    """
    by: dict[Outcome, list[Pair]] = {"won": [], "lost": [], "other": []}
    for pair in pairs:
        outcome = _outcome(pair)
        if outcome:
            by[outcome].append(pair)
    turns = chain.from_iterable(zip_longest(by["won"], by["lost"]))
    order = [pair for pair in turns if pair] + by["other"]
    shown = [
        Change(pair, outcome, _ranked(pair.before, pair), _ranked(pair.after, pair))
        for pair in order[:limit]
        if (outcome := _outcome(pair))
    ]
    return Changes(
        shown=tuple(shown),
        won=len(by["won"]),
        lost=len(by["lost"]),
        other=len(by["other"]),
        total=len(pairs),
        labelled=sum(bool(pair.gold) for pair in pairs),
    )


def _outcome(pair: Pair) -> Outcome | None:
    """None where the top 1 stayed, or a side has no passages."""
    if not pair.before.passages or not pair.after.passages:
        return None
    before, after = pair.before.passages[0].id, pair.after.passages[0].id
    if before == after:
        return None
    if (before in pair.gold) == (after in pair.gold):
        return "other"
    return "won" if after in pair.gold else "lost"


def _ranked(side: Side, pair: Pair) -> tuple[Ranked, ...]:
    ranked = [Ranked(rank, passage, passage.id in pair.gold) for rank, passage in enumerate(side.passages, start=1)]
    top, rest = ranked[:PASSAGES], ranked[PASSAGES:]
    if not any(h.gold for h in top):
        top += [h for h in rest if h.gold][:1]
    return tuple(top)
