"""Answers in the layouts that people have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsarag.data.names import absent


def texts_of(value: Any) -> list[str | None]:
    """Texts in what people have for answers; None for what is none."""
    if isinstance(value, str):
        return [value if value.strip() else None]
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, int | float):
        return [None if absent(value) else str(value)]
    if isinstance(value, Mapping):
        inner = next((value[name] for name in ("text", "texts", "value", "answer", "content") if name in value), None)
        aliases = value.get("aliases")
        found = texts_of(inner) + (texts_of(aliases) if isinstance(aliases, list) else [])
        return list(dict.fromkeys(found))
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts_of(item)]
    return [None]
