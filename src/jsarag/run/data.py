"""The files of a run, read and checked; pairs are held out of the training pairs where dev and test are not given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jsarag.data import read_examples, read_passages, sound
from jsarag.data.split import Split, pair_digest, split
from jsarag.display import Display, Silent
from jsarag.run.config import DataConfig
from jsarag.types import Example, Passage

SHARED = (
    ("dev", "train", "the best checkpoint is chosen by pairs that it was trained on"),
    ("test", "train", "the figures tell what was learned by heart"),
    ("dev", "test", "the best checkpoint is chosen by pairs that it is measured on"),
)
"""What must not share pairs, and what comes of it where they do."""


@dataclass(frozen=True)
class Data:
    """Everything read from files.

    Attributes:
        passages: The knowledge base.
        train: What is trained on.
        dev: For the best checkpoint.
        test: Measured before and after.
        split: How dev and test were held out of the file of training pairs; None where they were not to be.
    """

    passages: list[Passage]
    train: list[Example]
    dev: list[Example]
    test: list[Example]
    split: Split | None = None

    @property
    def rows(self) -> dict[str, Sequence[Example | Passage]]:
        """Passages and pairs by the name of their option in ``data``."""
        return {"passages": self.passages, **self.pairs}

    @property
    def pairs(self) -> dict[str, list[Example]]:
        """The pairs alone, likewise."""
        return {"train": self.train, "dev": self.dev, "test": self.test}


def read(config: DataConfig, display: Display | None = None) -> Data:
    """Read and check every file of a run; say how each was read, what is held out, and what stands on two sides."""
    shown = display or Silent()
    kb = read_passages(config.passages, config.columns, config.encoding, shown)
    shown.say(kb.said)
    passages = sound(kb, config.passages)
    ids = {passage.id for passage in passages}

    def pairs(path: str | Path) -> tuple[list[Example], list[str]]:
        found = read_examples(path, config.columns, ids, config.encoding, shown)
        shown.say(found.said)
        return sound(found, path), found.dialogs

    train, dialogs = pairs(config.train)
    if config.splits:
        found = split(train, dialogs)
        shown.say(str(found))
        return Data(passages, found.train[: config.limit], found.dev, found.test, found)
    dev, test = (pairs(path)[0] if path else [] for path in (config.dev, config.test))
    data = Data(passages, train[: config.limit], dev, test)
    for line in shared(data):
        shown.say(f"warning: {line}")
    return data


def shared(data: Data) -> list[str]:
    """A line for each two of train, dev and test, as they were given, that have pairs in common."""
    if data.split:
        return []
    sides = {name: [pair_digest(example) for example in examples] for name, examples in data.pairs.items()}
    found = []
    for one, other, what in SHARED:
        known = set(sides[other])
        both = sum(digest in known for digest in sides[one])
        if both:
            found.append(f"data.{one}: {both:,} of {len(sides[one]):,} pairs are {other} pairs too, so that {what}")
    return found
