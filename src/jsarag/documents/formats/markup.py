"""HTML elements as blocks: what HTML pages, Markdown, reStructuredText and Word documents all become first."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree, html

from jsarag.documents.document import Draft

LEVELS = {f"h{level}": level for level in range(1, 7)}
SKIPPED = frozenset((
    "head", "script", "style", "template", "noscript", "svg", "math", "nav", "aside", "footer", "form", "button",
    "select", "iframe",
))  # fmt: skip
LISTS = frozenset(("ul", "ol", "dl", "menu"))
ITEMS = frozenset(("li", "dt", "dd"))
BLOCKS = frozenset((
    "address", "article", "blockquote", "body", "caption", "center", "details", "div", "fieldset", "figcaption",
    "figure", "header", "hr", "html", "main", "p", "section", "summary",
))  # fmt: skip
_BLANKS = re.compile(r"\s+")


def tree_of(text: str) -> Any:
    """The root element of HTML text, however broken; None where it holds no element."""
    try:
        # As bytes, since lxml refuses text that names an encoding; without `huge_tree`, which would bound no nesting.
        return html.document_fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8", remove_comments=True))
    except (etree.ParserError, etree.XMLSyntaxError):
        return None


def add_markup(draft: Draft, text: str) -> None:
    """Add the blocks of HTML text."""
    root = tree_of(text)
    if root is not None:
        add_tree(draft, root)


def add_tree(draft: Draft, root: Any) -> None:
    """Add the blocks within an element of HTML."""
    walk = _Walk(draft)
    walk.inside(root)
    walk.end_block()


class _Walk:
    """Goes through elements; text gathers to lines, and lines to a block."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.words: list[str] = []
        self.lines: list[str] = []
        self.depth = 0  # of lists
        self.mark = ""  # of the list item whose first line is to come

    def inside(self, element: Any) -> None:
        """The text and elements within one."""
        self.words.append(element.text or "")
        number = 0
        for child in element:
            if isinstance(child.tag, str):
                number += child.tag == "li"
                self.element(child, f"{number}. " if element.tag == "ol" else "- ")
            self.words.append(child.tail or "")

    def element(self, element: Any, mark: str) -> None:
        """One element; ``mark`` is what an item of the list around it begins with."""
        tag = element.tag
        if tag in SKIPPED or element.get("role") == "navigation":
            return
        if tag in LEVELS:
            self.end_block()
            self.draft.heading(LEVELS[tag], plain(element))
        elif tag == "pre":
            self.end_block()
            self.draft.add("".join(element.itertext()), "code")
        elif tag == "table" and not _layout(element):
            self.end_block()
            self.draft.add("\n".join(_rows(element)), "table")
        elif tag in LISTS:
            self.end_line()
            if not self.depth:
                self.end_block()
            self.depth += 1
            self.inside(element)
            self.end_line()
            self.depth -= 1
            if not self.depth:
                self.end_block()
        elif tag in ITEMS:
            self.end_line()
            self.mark = mark if tag == "li" else ""
            self.inside(element)
            self.end_line()
            self.mark = ""
        elif tag == "br":
            self.end_line()
        elif tag in BLOCKS or tag in ("table", "tr", "td", "th"):
            self._end()
            self.inside(element)
            self._end()
        else:
            self.inside(element)

    def end_line(self) -> None:
        """Close the line at hand."""
        line = _BLANKS.sub(" ", "".join(self.words)).strip()
        self.words.clear()
        if line:
            indent = "  " * max(self.depth - 1, 0)
            self.lines.append(f"{indent}{self.mark}{line}")
            self.mark = ""

    def end_block(self) -> None:
        """Close the block at hand."""
        self.end_line()
        self.draft.add("\n".join(self.lines))
        self.lines.clear()

    def _end(self) -> None:
        """A paragraph within a list is a line of the list."""
        if self.depth:
            self.end_line()
        else:
            self.end_block()


def plain(element: Any) -> str:
    """The text within an element, on one line."""
    texts = (text for text in element.itertext() if isinstance(text, str))
    return _BLANKS.sub(" ", " ".join(texts) if element.tag in ("td", "th") else "".join(texts)).strip(" \xb6\u00a0")


def _rows(table: Any) -> list[str]:
    rows = ([plain(cell) for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr"))
    return [" | ".join(cells) for cells in rows if any(cells)]


def _layout(table: Any) -> bool:
    """Whether a table only places things: it has one cell a row, or tables within it."""
    widths = [len(row) for row in table.iter("tr")]
    return max(widths, default=0) < 2 or table.find(".//table") is not None
