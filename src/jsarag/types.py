"""The nouns every floor shares: Passage, Turn, Example, Retrieved, Answer, and the error a user's mistake raises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DECLINED = "The documents do not hold the answer."
"""The text of an answer that was declined."""

NULL = "null"
"""Id of the passage that may be empty: it stands for "no passage helps"."""


class InputError(ValueError):
    """A mistake in what the user gave: one line that names the file, line or option and says what was expected.

    The command line prints the message alone and exits with status 2.
    """


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage h of the knowledge base.

    Attributes:
        id: Unique within the knowledge base.
        title: What it is about; may be empty.
        text: What retrievers and generator read, together with the title.
        source: The file or address that it was taken from; empty where that is not known.
        page: The page of the source, from 1, where it has pages.
        start: The first character of the text in the source, or on its page, from 0.
        end: The character after its last.
    """

    id: str
    title: str
    text: str
    source: str = ""
    page: int | None = None
    start: int | None = None
    end: int | None = None

    def record(self) -> dict[str, str | int]:
        """Its fields for a file; where it comes from only as far as that is known.

        Example:
            >>> Passage("1", "Pets", "Pets are welcome.", source="rules.pdf", page=2).record()
            {'id': '1', 'title': 'Pets', 'text': 'Pets are welcome.', 'source': 'rules.pdf', 'page': 2}
        """
        origin = {"source": self.source or None, "page": self.page, "start": self.start, "end": self.end}
        known = {name: value for name, value in origin.items() if value is not None}
        return {"id": self.id, "title": self.title, "text": self.text, **known}

    @property
    def null(self) -> bool:
        """Whether it is the null passage, with which a generator answers as if it had none."""
        return self.id == NULL and not (self.title or self.text)


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a dialog; ``role`` is free text such as ``user`` or ``system``."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """One training or test case.

    Attributes:
        id: Unique within its file.
        input: The question, or the last user turn of a dialog.
        outputs: Accepted answers or responses, best first; y in training is the first.
        gold: Ids of the passages a person marked as right; for measuring and for the ``gold`` objective only.
        history: The turns before ``input``, oldest first, without ``input`` itself.
        grades: How relevant each passage of ``gold`` is, from 1 up; empty where all are of grade 1.
        exclude: Ids of passages that are no answer to this example and count for nothing, such as the question itself.
    """

    id: str
    input: str
    outputs: tuple[str, ...] = ()
    gold: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()
    grades: tuple[int, ...] = ()
    exclude: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """Its fields for a file of pairs; optional ones only where they hold something.

        Example:
            >>> Example("1", "May I?", ("yes",)).record()
            {'id': '1', 'input': 'May I?', 'outputs': ['yes']}
        """
        optional = {
            "gold": self.relevance if self.grades else list(self.gold),
            "exclude": list(self.exclude),
            "history": [{"role": turn.role, "text": turn.text} for turn in self.history],
        }
        held = {name: value for name, value in optional.items() if value}
        return {"id": self.id, "input": self.input, "outputs": list(self.outputs), **held}

    @property
    def relevance(self) -> dict[str, int]:
        """The grade of each gold passage by its id."""
        return dict(zip(self.gold, self.grades or (1,) * len(self.gold), strict=True))


def judged(grades: Mapping[str, int]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """``gold`` and ``grades`` of an example: the ids of a grade above 0, best first; no grades where all are 1."""
    right = sorted(((i, grade) for i, grade in grades.items() if grade > 0), key=lambda pair: -pair[1])
    gold, found = tuple(i for i, _ in right), tuple(grade for _, grade in right)
    return gold, (() if set(found) <= {1} else found)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One passage a retriever returned, with its probability among those returned with it."""

    passage: Passage
    score: float
    probability: float

    def record(self) -> dict[str, str | int | float]:
        """The passage's fields with both figures, for programs."""
        return {**self.passage.record(), "score": self.score, "probability": self.probability}

    @property
    def log_probability(self) -> float:
        """log p(h|x) in nats, -inf where the probability is 0."""
        return math.log(self.probability) if self.probability > 0 else -math.inf


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, the log-probability the decoder gave it, and its evidence: the passages it was given, best first."""

    text: str
    log_probability: float
    passages: tuple[Retrieved, ...] = ()
    declined: bool = False
    """Whether the evidence was too little for an answer: ``text`` then says so, with log-probability 0."""
