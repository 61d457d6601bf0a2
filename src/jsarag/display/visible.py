"""Texts of others on a terminal: what would steer the terminal is shown instead of obeyed."""

from __future__ import annotations

import json
import re
from typing import Any

# Control characters but tab and line feed, marks that reverse the order of text, and halves of surrogate pairs.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LINES = re.compile("[\t\n\u2028\u2029]")


def visible(text: str) -> str:
    r"""A text of several lines whose control characters are written as their escapes.

    Example:
        >>> visible("\x1b[2Jgone")
        '\\x1b[2Jgone'
    """
    return _STEERING.sub(_escaped, text.replace("\r\n", "\n"))


def visible_line(text: str) -> str:
    r"""The same on one line: a line end in a name cannot begin a message of its own.

    Example:
        >>> visible_line("kb.jsonl\njsarag: all is well")
        'kb.jsonl\\njsarag: all is well'
    """
    return _LINES.sub(_escaped, _STEERING.sub(_escaped, text))


def json_line(value: Any) -> str:
    """JSON on one line, as readable as it can be without a character that steers a terminal."""
    text = json.dumps(value, ensure_ascii=False)
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
