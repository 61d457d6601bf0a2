"""Snippets of Markdown pages: fenced blocks, and code within the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")),
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "experiments").glob("*/README.md")),
]

_FENCE = re.compile(r" *```(.*)")
_NOT_RUN = re.compile(r" *<!-- not run: (.+?) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: Where it stands, from the root of the repository.
        line: Number of the fence's line.
        language: What the fence says.
        text: The lines between the fences, as they are.
        not_run: The reason that ``<!-- not run: REASON -->``, on the line above the fence, gives; None: it is run.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str | None = None

    @property
    def where(self) -> str:
        """Page and line, for the name of a test."""
        return f"{self.page}:{self.line}"


def blocks(page: str, text: str) -> Iterator[Block]:
    """The fenced blocks of a page.

    Raises:
        ValueError: a block without an end.
    """
    lines = iter(enumerate(text.splitlines(), 1))
    above = ""
    for number, line in lines:
        fence = _FENCE.fullmatch(line)
        if fence:
            inside = []
            for _, content in lines:
                if _FENCE.fullmatch(content):
                    break
                inside.append(content)
            else:
                raise ValueError(f"{page}:{number}: a block without an end")
            marked = _NOT_RUN.fullmatch(above)
            yield Block(page, number, fence[1].strip(), "\n".join(inside) + "\n", marked[1] if marked else None)
        above = line


def spans(text: str) -> Iterator[str]:
    """Code within the text, outside of fenced blocks."""
    outside = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", outside)


def read(page: str) -> str:
    """The text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


EVERY = [block for page in PAGES for block in blocks(page, read(page))]
