"""What every configuration shares: fields that are paths, and YAML out."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from jsarag.checks import require

if TYPE_CHECKING:
    AnyPath = str | Path
else:
    # The parser of command lines and YAML files reads annotations: for it a path is nothing but a path.
    AnyPath = Path
"""Type of a configuration's field that is given as text or as a path, and that `as_paths` makes a ``Path``."""


def as_paths(config: object, prefix: str, *names: str) -> None:
    """Make these fields of a frozen dataclass, from its ``__post_init__``, a ``Path`` where they are not None.

    Args:
        config: The dataclass.
        prefix: What an option's name begins with, such as ``data.``.
        names: The fields.

    Raises:
        InputError: a value that is neither text nor a path.
    """
    for name in names:
        value = getattr(config, name)
        require(value is None or isinstance(value, str | os.PathLike), f"{prefix}{name}", "a path", value)
        if value is not None:
            object.__setattr__(config, name, Path(value))


def plain(value: Any) -> Any:
    """A configuration as plain dicts, lists, strings and numbers, ready for YAML or JSON."""
    if callable(getattr(value, "plain", None)):  # says itself how it is written
        return value.plain()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        registered = getattr(type(value), "name", None)
        named = {"name": registered} if isinstance(registered, str) else {}
        return named | {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def as_yaml(config: Any) -> str:
    """A configuration dataclass as YAML."""
    text: str = yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True)
    return text
