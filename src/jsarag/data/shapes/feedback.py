"""What people said of an answer in a log: a correction takes its place, and a refused answer is none to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsarag.data import names
from jsarag.data.names import absent
from jsarag.data.shapes.base import Sheet

REFUSED_ANSWER = "with an answer that was refused and not corrected"

_UP = frozenset({"up", "thumbsup", "👍", "+1", "1", "good", "positive", "yes", "true", "like", "liked", "helpful"})
_DOWN = frozenset(
    {"down", "thumbsdown", "👎", "-1", "bad", "negative", "no", "false", "dislike", "disliked", "unhelpful"}
)
_NONE = frozenset({"0", "neutral"})


@dataclass(frozen=True)
class Feedback:
    """The columns that hold it.

    Attributes:
        thumbs: Whether the answer was liked; None without such a column.
        correction: The answer that a person gave instead; None without such a column.
        down: The values of ``thumbs`` that refuse an answer.
    """

    thumbs: str | None = None
    correction: str | None = None
    down: frozenset[str] = _DOWN

    @classmethod
    def of(cls, sheet: Sheet) -> Feedback:
        """Find the columns; one whose values are no thumbs, such as stars or comments, is not taken."""
        correction = sheet.take(names.CORRECTION)
        thumbs = sheet.column(names.THUMBS)
        held = [record.get(thumbs) for record in sheet.records] if thumbs else []
        values = frozenset(_plain(value) for value in held if not absent(value))
        if not values or not values <= _UP | _DOWN | _NONE:
            return cls(None, correction)
        sheet.used.add(str(thumbs))
        # Where nothing is below it, 0 is the lower of two values.
        return cls(thumbs, correction, _DOWN if values & _DOWN else _DOWN | _NONE)

    def corrected(self, record: Mapping[str, Any]) -> Any:
        """The correction; None where there is none."""
        value = record.get(self.correction) if self.correction else None
        return None if absent(value) else value

    def refuses(self, record: Mapping[str, Any]) -> bool:
        """Whether the answer was refused."""
        value = record.get(self.thumbs) if self.thumbs else None
        return not absent(value) and _plain(value) in self.down


def _plain(value: object) -> str:
    """A value as it is compared: ``Thumbs Up`` as ``thumbsup``, ``1.0`` as ``1``."""
    return "".join(str(value).lower().replace("_", "").split()).removesuffix(".0")
