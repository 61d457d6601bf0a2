"""What every configuration shares: the checks a frozen dataclass runs on itself, and YAML in and out."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from jsarag.files import write_text
from jsarag.types import InputError


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


def has_fields(option: str, template: str, fields: Collection[str]) -> None:
    """Refuse a text template that lacks one of the ``{field}`` marks."""
    for field in fields:
        require("{" + field + "}" in template, option, f"a template holding {{{field}}}", template)


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


def write_yaml(path: Path, config: Any) -> None:
    """Write a configuration dataclass as YAML."""
    write_text(path, yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True))
