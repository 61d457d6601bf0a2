"""What can be told of pairs and passages from their texts alone: duplicates, overlap, answers that stand nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jsarag.data.split import words
from jsarag.metrics.words import passage_words
from jsarag.types import Example, Passage

BLANKS = frozenset({"nan", "none", "null", "n/a", "<na>"})
"""What programs write for a value that is missing; as an answer rarely a person's."""


def doubled(*fields: Sequence[str]) -> list[tuple[int, int]]:
    """The positions of rows that stood before, each with the first position of its like.

    Case, punctuation and width do not count, as where pairs are held out.

    Args:
        fields: The texts of the rows, a field each.

    Example:
        >>> doubled(["May I?", "Why?", "may  i"])
        [(2, 0)]
    """
    first: dict[tuple[str, ...], int] = {}
    rows = (tuple(map(words, row)) for row in zip(*fields, strict=True))
    return [(i, at) for i, row in enumerate(rows) if (at := first.setdefault(row, i)) != i]


def shared(texts: Iterable[str], others: Sequence[str]) -> list[int]:
    """The positions in ``others`` of texts that are among ``texts`` as well, compared as in `doubled`."""
    known = {words(text) for text in texts}
    return [i for i, text in enumerate(others) if words(text) in known]


def blank(examples: Sequence[Example]) -> list[int]:
    """The positions of pairs whose answer is a word for a missing value, such as ``nan``."""
    return [i for i, example in enumerate(examples) if _plain(example.outputs[0]) in BLANKS]


def everything(passages: Iterable[Passage]) -> str:
    """The words of all passages in one text, for `nowhere`; each field is a line, each word between two blanks."""
    return "\n".join(f" {' '.join(passage_words(field))} " for h in passages for field in (h.title, h.text))


def nowhere(examples: Sequence[Example], everything: str) -> list[int]:
    """The positions of pairs none of whose answers stands word for word in a field of the passages.

    Words are those of `jsarag.metrics.words.passage_words`: case, punctuation and articles do not count. Answers in
    other words than the documents', such as most replies of a dialog, stand nowhere.
    """
    return [i for i, example in enumerate(examples) if not any(_stands(y, everything) for y in example.outputs)]


def _stands(answer: str, everything: str) -> bool:
    words = " ".join(passage_words(answer))
    return bool(words) and f" {words} " in everything


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
