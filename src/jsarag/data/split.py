"""Dev and test pairs held out of the training pairs, by content alone: no pair is held out whose like is trained on."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import regex

from jsarag.data.minhash import candidates, signatures
from jsarag.types import Example

SHARE = 0.1
"""Of the pairs that dev and test get, each."""
FEWEST = 50
"""Pairs from which on some are held out."""
ALIKE = 0.7
"""Two questions are near-duplicates where so large a share (Jaccard) of their sequences of `LETTERS` is in both."""
LETTERS = 3
BANDS, ROWS = 40, 4
"""Of the MinHash signatures: near-duplicates are found with a probability of at least 0.99998."""
LIKELY = ALIKE - 0.2
"""Share of its signature that a near-duplicate has in common, 5 standard deviations below the mean."""
GREETING = 20
"""Letters below which the first turn of a dialog, "hello" say, does not tell dialogs apart."""
OPENING = 3
"""Turns that tell dialogs apart where the first one is a greeting."""

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")


@dataclass(frozen=True)
class Split:
    """Training pairs with those held out of them, each in the order of the file.

    Attributes:
        train: What is trained on.
        dev: Held out for the best checkpoint; empty where nothing is held out.
        test: Held out for measuring; empty where nothing is held out.
        dialogs: Whether pairs belong to dialogs.
        reason: Why nothing is held out; empty where pairs are.
    """

    train: list[Example]
    dev: list[Example]
    test: list[Example]
    dialogs: bool = False
    reason: str = ""

    @property
    def figures(self) -> dict[str, Any]:
        """For the summary of a run: the line for people, and the number of pairs on each side."""
        return {"text": str(self), "train": len(self.train), "dev": len(self.dev), "test": len(self.test)}

    def __str__(self) -> str:
        """One line for people."""
        if self.reason:
            return f"no dev or test given, and nothing held out: {self.reason}"
        kept = f"{'dialogs and ' if self.dialogs else ''}near-duplicate questions kept on one side"
        total = len(self.train) + len(self.dev) + len(self.test)
        return (
            f"no dev or test given: held out {len(self.dev):,} dev and {len(self.test):,} test of {total:,} pairs "
            f"({kept}); data.split: none turns this off"
        )


def split(examples: Sequence[Example], dialogs: Sequence[str] = ()) -> Split:
    """Hold out a tenth for dev and a tenth for test.

    Pairs are kept on one side where they belong to one dialog, or where their questions are the same or
    near-duplicates. The question of a pair in a dialog is the whole dialog up to the answer. What is held out depends
    on the content of the pairs alone: not on ids, on the order, or on a seed.

    Args:
        examples: All pairs.
        dialogs: The dialog that each belongs to, empty for none; default: known from the histories alone.

    Returns:
        The split. Dev and test are as large as whole groups of pairs allow, and never larger than a tenth.
    """
    names = dialogs or [""] * len(examples)
    chats = any(name or example.history for name, example in zip(names, examples, strict=True))
    if len(examples) < FEWEST:
        return Split(list(examples), [], [], chats, f"{len(examples)} pairs are fewer than {FEWEST}")
    parts = _groups(examples, names)
    share = round(SHARE * len(examples))
    held: dict[str, set[int]] = {"test": set(), "dev": set()}
    for group in sorted(parts, key=lambda group: _digest(sorted(pair_digest(examples[i]) for i in group))):
        smaller = min(held.values(), key=len)
        if len(smaller) + len(group) <= share:
            smaller.update(group)
    if not all(held.values()):
        largest = max(map(len, parts))
        reason = (
            f"too many questions are near-duplicates of each other (one group has {largest:,} of {len(examples):,})"
        )
        return Split(list(examples), [], [], chats, reason)
    dev, test = ([e for i, e in enumerate(examples) if i in held[name]] for name in ("dev", "test"))
    train = [e for i, e in enumerate(examples) if i not in held["dev"] | held["test"]]
    return Split(train, dev, test, chats)


def _groups(examples: Sequence[Example], dialogs: Sequence[str]) -> list[set[int]]:
    """Positions of the pairs that stay together."""
    from scipy.cluster.hierarchy import DisjointSet  # slow to import, and needed by few commands

    together = DisjointSet(range(len(examples)))
    by_text: dict[str, int] = {}
    first: dict[tuple[str, str], int] = {}
    for i, (example, dialog) in enumerate(zip(examples, dialogs, strict=True)):
        turns = [*(turn.text for turn in example.history), example.input]
        text, opening = words("\n".join(turns)), _opening(turns)
        keys = [("dialog", dialog)] if dialog else []
        keys += [("opening", opening)] if opening else []
        # Many dialogs begin with the same greeting, and have nothing else in common.
        if opening or not dialog:
            keys.append(("text", text))
            by_text.setdefault(text, i)
        for key in keys:
            together.merge(first.setdefault(key, i), i)
    texts = sorted(by_text)
    pieces = [_pieces(text) for text in texts]
    for a, b in candidates(signatures(pieces, BANDS * ROWS), ROWS, LIKELY):
        i, j = by_text[texts[a]], by_text[texts[b]]
        if not together.connected(i, j) and similarity(pieces[a], pieces[b]) >= ALIKE:
            together.merge(i, j)
    return list(together.subsets())


def words(text: str) -> str:
    """A text without case, punctuation and width; a text of no words as it is."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_WORD.findall(plain)) or plain


def similarity(a: set[str], b: set[str]) -> float:
    """The Jaccard similarity of two sets."""
    both = len(a & b)
    return both / (len(a) + len(b) - both)


def _pieces(text: str) -> set[str]:
    return {text[i : i + LETTERS] for i in range(max(len(text) - LETTERS + 1, 1))}


def _opening(turns: Sequence[str]) -> str:
    """What a dialog is known by: its first turn, or its first three where that is a greeting; empty where it has none.

    A pair without history is known by its question, however short.
    """
    start = words(turns[0])
    if len(start) >= GREETING:
        return start
    return words("\n".join(turns[:OPENING])) if len(turns) >= OPENING else ""


def pair_digest(example: Example) -> str:
    """SHA-256 of the content of a pair: question, dialog and answers, whatever its id."""
    turns = chain.from_iterable((turn.role, turn.text) for turn in example.history)
    return _digest([example.input, *example.outputs, *turns])


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()
