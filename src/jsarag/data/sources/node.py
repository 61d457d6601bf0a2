"""A JSON value with the place it came from, so that a wrong field is named by file, line and field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jsarag.types import InputError


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON value.

    Attributes:
        where: ``file:line``, and the field within it.
        value: What stands there.
    """

    where: str
    value: Any

    def has(self, name: str) -> bool:
        """Whether the object has a field ``name`` that is not null."""
        return self._object().get(name) is not None

    def child(self, name: str) -> Node:
        """The field ``name``; ``InputError`` where it is missing or this is no object."""
        found = self._object()
        if name not in found:
            raise InputError(f"{self.where}: no field {name!r}; it has {', '.join(map(str, found)) or 'none'}")
        return Node(f"{self.where}: {name}", found[name])

    def children(self, name: str) -> list[Node]:
        """The members of the list ``name``."""
        return self.child(name).items()

    def items(self) -> list[Node]:
        """The members of the list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Node(f"{self.where}[{i}]", value) for i, value in enumerate(self.value)]

    def fields(self) -> list[tuple[str, Node]]:
        """The fields of the object, with their names."""
        return [(name, Node(f"{self.where}: {name}", value)) for name, value in self._object().items()]

    def text(self, name: str) -> str:
        """The text ``name``, white space around it removed; it may be empty."""
        return self.child(name).as_text()

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of the list ``name``, each once, without empty ones."""
        return distinct(node.as_text() for node in self.children(name))

    def id(self, name: str) -> str:
        """The text or whole number ``name``, as text."""
        return self.child(name).as_id()

    def as_text(self) -> str:
        """The value, a text."""
        if not isinstance(self.value, str):
            raise self.wrong("text")
        return self.value.strip()

    def as_id(self) -> str:
        """The value, a text that is not empty or a whole number, as text."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return str(self.value)
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("an id, text or a whole number")
        return self.value

    def as_whole(self) -> int:
        """The value, a whole number."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.wrong("a whole number")
        return self.value

    def wrong(self, expected: str) -> InputError:
        """The error that says what was expected here."""
        shown = repr(self.value)
        return InputError(f"{self.where}: expected {expected}, got {shown[:80] + '...' * (len(shown) > 80)}")

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong("an object with named fields")
        return self.value


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """The texts in their order, each once, without empty ones."""
    return tuple(dict.fromkeys(text for text in texts if text))
