"""Checks that a frozen dataclass of settings runs on itself; each raises one `InputError` that names the option."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from difflib import get_close_matches
from string import Formatter

from jsarag.types import InputError


def require(holds: bool, option: str, expected: str, got: object) -> None:
    """Raise ``InputError`` naming ``option``, what was expected and what was given, unless ``holds``."""
    if not holds:
        raise InputError(f"{option}: expected {expected}, got {got!r}")


def positive(option: str, value: float) -> None:
    """Refuse a value that is not above zero."""
    require(_number(value) and value > 0, option, "a number above 0", value)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


MANY = 1_000_000
"""More transitions, resamples, pairs of a batch or examples than any machine has time for."""


def up_to(option: str, value: int, most: int = MANY) -> None:
    """Refuse a number that is not above zero, or takes any machine's time or memory."""
    positive(option, value)
    require(value <= most, option, f"a number of at most {most:,}", value)


def positive_or_null(option: str, value: float | None) -> None:
    """Refuse a value that is not above zero, where there is one."""
    require(value is None or (_number(value) and value > 0), option, "a number above 0 or null", value)


def not_negative(option: str, value: float) -> None:
    """Refuse a value below zero."""
    require(_number(value) and value >= 0, option, "a number of 0 or more", value)


def one_of(option: str, value: str, names: Collection[str]) -> None:
    """Refuse a name that is not in ``names``; the message lists the valid ones."""
    if value not in names:
        raise InputError(f"{option}: expected one of {', '.join(sorted(names))}, got {value!r}{closest(value, names)}")


def closest(given: object, names: Collection[str]) -> str:
    """The end of a message for a name that does not exist: "; did you mean NAME?", empty where none is like it."""
    known = {name.lower(): name for name in names}
    like = get_close_matches(str(given).lower(), known, n=1)
    return f"; did you mean {known[like[0]]}?" if like else ""


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
        parsed = list(Formatter().parse(template))
        held = [name for _, name, _, _ in parsed if name is not None]
        # A width, as in {text:9999999999}, would be filled; {text:.500} only cuts.
        cut = all(re.fullmatch(r"(\.\d{1,9})?", form or "") and not kind for _, _, form, kind in parsed)
        require(cut, option, expected, template)
        template.format(**dict.fromkeys(held, "text"))
    except (ValueError, LookupError, AttributeError):
        require(False, option, expected, template)
    return held
