"""What every configuration shares: the checks a frozen dataclass runs on itself, and YAML in and out."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Collection
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

import yaml

from jsarag.files import write_text
from jsarag.types import InputError

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


def require(holds: bool, option: str, expected: str, got: object) -> None:
    """Raise ``InputError`` naming ``option``, what was expected and what was given, unless ``holds``."""
    if not holds:
        raise InputError(f"{option}: expected {expected}, got {got!r}")


def positive(option: str, value: float) -> None:
    """Refuse a value that is not above zero."""
    require(value > 0, option, "a number above 0", value)


def not_negative(option: str, value: float) -> None:
    """Refuse a value below zero."""
    require(value >= 0, option, "a number of 0 or more", value)


def one_of(option: str, value: str, names: Collection[str]) -> None:
    """Refuse a name that is not in ``names``; the message lists the valid ones."""
    require(value in names, option, f"one of {', '.join(sorted(names))}", value)


_MARK = re.compile(r"\{(passage|title|text|input|output|role)\}")


def has_fields(option: str, template: str, fields: Collection[str], optional: Collection[str] = ()) -> None:
    """Refuse a text template that `str.format` could not fill in, or that lacks one of the ``{field}`` marks."""
    known = [*fields, *optional]
    expected = f"only {_listed(known)} in braces (any other brace doubled)"
    held = _formatted(option, template, expected)
    for field in fields:
        require(field in held, option, f"a template holding {{{field}}}", template)
    require(set(held) <= set(known), option, expected, template)


def has_marks(option: str, template: str, fields: Collection[str]) -> None:
    """Refuse a text template, to be cut at its ``{field}`` marks, that does not hold each once and no other's.

    Other braces are text.
    """
    held = _MARK.findall(template)
    for field in fields:
        require(field in held, option, f"a template holding {{{field}}}", template)
        require(held.count(field) == 1, option, f"{{{field}}} once", template)
    require(set(held) <= set(fields), option, f"no field but {_listed(fields)}", template)


def _listed(fields: Collection[str]) -> str:
    return " and ".join(f"{{{field}}}" for field in fields)


def _formatted(option: str, template: str, expected: str) -> list[str]:
    """The fields of a template that is formatted; refuses what no text can fill in."""
    try:
        held = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        template.format(**dict.fromkeys(held, "text"))
    except (ValueError, LookupError, AttributeError):
        require(False, option, expected, template)
    return held


def plain(value: Any) -> Any:
    """A configuration as plain dicts, lists, strings and numbers, ready for YAML or JSON."""
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


def write_yaml(path: Path, config: Any) -> None:
    """Write a configuration dataclass as YAML."""
    write_text(path, as_yaml(config))
