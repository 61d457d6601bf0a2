"""Turns of a dialog in the layouts that people have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsarag.data import names
from jsarag.data.names import plain_name
from jsarag.types import Turn

USER, ANSWERER = "user", "assistant"


class NotTurnsError(ValueError):
    """A value that is no list of turns."""


def turns(value: Any) -> tuple[Turn, ...]:
    """The turns of a history: objects with a role and a text, [question, answer] pairs, or texts by turns.

    Plain texts alternate, and the last is of the side that does not ask.
    Raises:
        NotTurnsError: anything else.
    """
    if not isinstance(value, list | tuple):
        raise NotTurnsError
    if value and all(isinstance(item, str) for item in value):
        sides = (ANSWERER, USER)
        return tuple(Turn(sides[(len(value) - 1 - i) % 2], text) for i, text in enumerate(value))
    found: list[Turn] = []
    for item in value:
        if isinstance(item, Mapping):
            role, text = said(item)
            if role is None or text is None:
                raise NotTurnsError
            found.append(Turn(role, text))
        elif isinstance(item, list | tuple) and len(item) == 2 and all(isinstance(text, str) for text in item):
            found += [Turn(side, text) for side, text in zip((USER, ANSWERER), item, strict=True) if text.strip()]
        else:
            raise NotTurnsError
    return tuple(found)


def said(item: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Role and text of one turn; None for what is no text. Parts of a text that lie in a list are joined."""
    plain = {plain_name(name): value for name, value in item.items()}
    role = next((plain[name] for name in names.ROLE if isinstance(plain.get(name), str)), None)
    text = next((plain[name] for name in names.SAID if plain.get(name) is not None), None)
    if isinstance(text, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in text]
        text = "\n".join(part for part in parts if isinstance(part, str))
    return role, text if isinstance(text, str) else None
