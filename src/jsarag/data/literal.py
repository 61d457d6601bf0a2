"""Lists and objects written as text: as JSON, as Python prints them, as NumPy prints its arrays. Nothing is run."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

from jsarag.files import JSON

_TOKEN = re.compile(
    r"\s*(?:(?P<text>[urbURB]{0,2}(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"))"
    r"|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"
    r"|(?P<word>[A-Za-z_][\w.]*)|(?P<cut>\.\.\.)|(?P<mark>[\[\](){},:=]))",
    re.DOTALL,
)
_WORDS = {
    "None": None, "null": None, "nan": None, "NaN": None, "NaT": None,
    "True": True, "true": True, "False": False, "false": False,
}  # fmt: skip
_CLOSING = {"[": "]", "(": ")", "{": "}"}
DEPTH = 50
"""Lists within lists that are read."""


class ShortenedError(ValueError):
    """NumPy left out the middle of a long array when it was printed."""


def structured(text: str) -> Any:
    """The list or object that a text writes, or None where the text writes none: it is then a text.

    NumPy writes no commas between the items of an array, ``['a' 'b']``, which Python would join to one text.

    Raises:
        ShortenedError: an array whose middle NumPy left out (``...``).
    """
    text = text.strip()
    if not text.startswith(("[", "{", "array(")):
        return None
    try:
        found = JSON.decode(text)
        return found if isinstance(found, list | dict) else None
    except json.JSONDecodeError:
        pass
    try:
        return _Parser(text).whole()
    except ShortenedError:
        raise
    except ValueError:
        return None


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.position, self.shortened = text, 0, False

    def whole(self) -> Any:
        value = self.value(0)
        if self.text[self.position :].strip():
            raise ValueError("more after its end")
        if self.shortened:
            raise ShortenedError("an array whose middle NumPy left out (...)")
        return value if isinstance(value, list | dict) else None

    def next(self) -> tuple[str, str]:
        token = _TOKEN.match(self.text, self.position)
        if token is None:
            raise ValueError("no value")
        self.position = token.end()
        kind = str(token.lastgroup)
        return kind, token[kind]

    def peek(self) -> str:
        token = _TOKEN.match(self.text, self.position)
        return token[str(token.lastgroup)] if token else ""

    def value(self, depth: int) -> Any:
        if depth > DEPTH:
            raise ValueError("nested too deeply")
        kind, token = self.next()
        if kind == "text":
            return _text(token)
        if kind == "number":
            return float(token) if re.search(r"[.eE]", token) else int(token)
        if kind == "cut":
            self.shortened = True
            return None
        if token == "array" and self.peek() == "(":
            return self.array(depth)
        if kind == "word" and token in _WORDS:
            return _WORDS[token]
        if token == "{":
            return self.fields(depth)
        if token in ("[", "("):
            return self.items(_CLOSING[token], depth)
        raise ValueError("no value")

    def items(self, closing: str, depth: int) -> list[Any]:
        found = []
        while self.peek() != closing:
            found.append(self.value(depth + 1))
            if self.peek() == ",":
                self.next()
        self.next()
        return found

    def fields(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.peek() != "}":
            key = self.value(depth + 1)
            if not isinstance(key, str | int) or self.next()[1] != ":":
                raise ValueError("no name")
            found[str(key)] = self.value(depth + 1)
            if self.peek() == ",":
                self.next()
        self.next()
        return found

    def array(self, depth: int) -> Any:
        """``array([...], dtype=object)``: the list in it."""
        self.next()
        value = self.value(depth + 1)
        while self.peek() == ",":
            self.next()
            if self.next()[0] != "word" or self.next()[1] != "=":
                raise ValueError("no setting")
            self.next()
        if self.next()[1] != ")":
            raise ValueError("no end")
        return value


def _text(token: str) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):  # an escape that Python does not know stays as it stands
            value = ast.literal_eval(token.replace("\r", "\\r").replace("\n", "\\n"))
    except (SyntaxError, ValueError):
        raise ValueError("no text") from None
    if not isinstance(value, str):
        raise ValueError("no text")
    value.encode("utf-8")  # half a surrogate pair is no character: UnicodeEncodeError is a ValueError
    return value
