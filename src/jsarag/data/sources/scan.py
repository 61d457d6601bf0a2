"""JSON files larger than memory: the members of a list or object one by one, while the file is being read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jsarag.files import JSON
from jsarag.types import InputError

_SPACE = " \t\r\n"
_NUMBER = re.compile(r"[0-9.eE+-]*")


class Member(NamedTuple):
    """One member of a JSON file.

    Attributes:
        line: Where it begins.
        key: The field of the outermost object it stands in; "" where the file is a list.
        name: Its own name where that field is an object, else "".
        value: The member itself, whole.
    """

    line: int
    key: str
    name: str
    value: Any


def members(read: Callable[[int], str], path: str) -> Iterator[Member]:
    """The members of a list, or of the lists and objects that are the fields of an object.

    No more than one member is in memory.

    Args:
        read: Gives about so many more characters, "" at the end.
        path: The file's name in messages.

    Raises:
        InputError: not JSON, or neither a list nor an object.
    """
    scanner = _Scanner(read, path)
    opening = scanner.peek()
    if opening == "[":
        for line in scanner.elements():
            yield Member(line, "", "", scanner.value())
    elif opening == "{":
        for line, key in scanner.fields():
            inner = scanner.peek()
            if inner == "[":
                for at in scanner.elements():
                    yield Member(at, key, "", scanner.value())
            elif inner == "{":
                for at, name in scanner.fields():
                    yield Member(at, key, name, scanner.value())
            else:
                yield Member(line, key, "", scanner.value())
    else:
        raise scanner.wrong("expected a JSON list or object")
    if scanner.peek():
        raise scanner.wrong("not valid JSON (more after its end)")


class _Scanner:
    """A cursor over text that arrives piece by piece."""

    PIECE = 1 << 20

    def __init__(self, read: Callable[[int], str], path: str) -> None:
        self._read = read
        self._path = path
        self._text = ""
        self._position = 0
        self._line = 1
        self._counted = 0

    def peek(self) -> str:
        """The next character that is not white space, "" at the end; the cursor stands on it."""
        while True:
            while self._position < len(self._text):
                if self._text[self._position] not in _SPACE:
                    return self._text[self._position]
                self._position += 1
            if not self._more():
                return ""

    def elements(self) -> Iterator[int]:
        """Step through a list; at each line given the caller reads one value."""
        yield from self._sequence("[", "]")

    def fields(self) -> Iterator[tuple[int, str]]:
        """Step through an object; at each name given the caller reads one value, or steps through it."""
        for line in self._sequence("{", "}"):
            name = self.value()
            if not isinstance(name, str):
                raise self.wrong("not valid JSON (expected a name in quotes)")
            if self.peek() != ":":
                raise self.wrong("not valid JSON (expected ':')")
            self._position += 1
            yield line, name

    def value(self) -> Any:
        """The value at the cursor."""
        self.peek()
        while True:
            try:
                value, end = JSON.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                # A value that is cut off is wrong at the end of what was read, or is a text that does not end.
                cut = error.pos >= len(self._text) - 8 or error.msg.startswith("Unterminated string")
                behind = len(self._text) - error.pos
                if cut and self._more():
                    continue
                self._position = len(self._text) - behind
                raise self.wrong(f"not valid JSON ({error.msg})") from None
            length = end - self._position
            if isinstance(value, int | float) and _NUMBER.fullmatch(self._text, end) and self._more():
                continue  # the number may go on in the next piece
            self._position += length
            return value

    def wrong(self, message: str) -> InputError:
        return InputError(f"{self._path}:{self._here()}: {message}")

    def _sequence(self, opening: str, closing: str) -> Iterator[int]:
        if self.peek() != opening:
            raise self.wrong(f"not valid JSON (expected {opening!r})")
        self._position += 1
        if self.peek() == closing:
            self._position += 1
            return
        while True:
            self.peek()
            yield self._here()
            after = self.peek()
            if after not in (",", closing) or not after:
                raise self.wrong(f"not valid JSON (expected ',' or {closing!r})")
            self._position += 1
            if after == closing:
                return

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._position)
        self._counted = self._position
        return self._line

    def _more(self) -> bool:
        """Read on; what lies before the cursor is let go. The piece grows with a value that does not fit in one."""
        self._here()
        rest = self._text[self._position :]
        piece = self._read(max(self.PIECE, len(rest)))
        self._text, self._position, self._counted = rest + piece, 0, 0
        return bool(piece)
