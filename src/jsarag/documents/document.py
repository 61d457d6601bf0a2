"""What every format is read into: plain text, with its blocks and the headings and page that each stands under."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "table", "code"]


class UnreadableError(Exception):
    """A file that cannot be read; the message is the reason in plain words."""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or listing; headings are no blocks.

    Attributes:
        start: Its first character in `Document.text`, from 0.
        end: The character after its last.
        headings: Those it stands under, outermost first.
        page: Page or slide, from 1, where the format has them.
        kind: A table has a row a line, the first of which is its head.
    """

    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Document:
    """A file as read.

    Attributes:
        text: Its plain text, headings included. Offsets count the characters (code points) of this text.
        title: Its first heading of the highest level, or what the file says; empty where it says nothing.
        blocks: In the order of the text; what lies between two blocks is headings and blanks.
    """

    text: str
    title: str
    blocks: tuple[Block, ...]


@dataclass
class Draft:
    """A document while it is written, block by block.

    Attributes:
        title: What the file calls itself; the first heading of level 1 where it does not.
        page: The page of the blocks to come.
    """

    title: str = ""
    page: int | None = None
    _parts: list[str] = field(default_factory=list)
    _blocks: list[Block] = field(default_factory=list)
    _open: list[tuple[int, str]] = field(default_factory=list)
    _length: int = 0

    def heading(self, level: int, text: str) -> None:
        """Begin a section, which ends those of its level and below; without text those alone end."""
        text = " ".join(text.split())
        self._open = [(depth, name) for depth, name in self._open if depth < level]
        if text:
            self.title = self.title or (text if level == 1 or not self._parts else "")
            self._open.append((level, text))
            self._append(text)

    def add(self, text: str, kind: Kind = "text") -> None:
        """Add a block; one without a letter or a number is left out."""
        text = text.strip("\n").rstrip()
        if any(map(str.isalnum, text)):
            start = self._append(text)
            headings = tuple(name for _, name in self._open)
            self._blocks.append(Block(start, self._length, headings, self.page, kind))

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._parts)

    @property
    def size(self) -> int:
        """How many blocks were written so far."""
        return len(self._blocks)

    def document(self) -> Document:
        """What was written.

        Raises:
            UnreadableError: nothing was.
        """
        if not self._blocks:
            raise UnreadableError("no text in it")
        return Document(self.text, self.title, tuple(self._blocks))

    def _append(self, text: str) -> int:
        between = "\n\n" if self._parts else ""
        self._parts.append(between + text)
        self._length += len(between) + len(text)
        return self._length - len(text)
