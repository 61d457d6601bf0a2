"""HTML pages by trafilatura, which leaves navigation, headers and footers out."""

from __future__ import annotations

from typing import Any

from jsarag.documents.document import Document, Draft
from jsarag.documents.encoding import text_of
from jsarag.documents.formats.markup import add_markup, plain, tree_of
from jsarag.documents.formats.raw import Raw

LOST = 0.3
"""Where less of a page's text than this share is found to be its content, the guess was wrong: all of it is read."""


def read_html(raw: Raw) -> Document:
    """The content of a page."""
    from trafilatura import extract

    text = text_of(raw.data, markup=True)
    root = tree_of(text)
    draft = Draft(_title(root))
    content = extract(
        text, output_format="html", include_comments=False, include_formatting=True, favor_recall=True, fast=True
    )
    everything = Draft(draft.title)
    add_markup(everything, text)
    if content:
        add_markup(draft, content)
    if len(draft.text) < LOST * len(everything.text):
        return everything.document()
    return draft.document()


def _title(root: Any) -> str:
    """The first heading of level 1 that is the only one, else what the page calls itself."""
    if root is None:
        return ""
    headings = [text for heading in root.iter("h1") if (text := plain(heading))]
    named = next((plain(title) for title in root.iter("title")), "")
    return headings[0] if len(headings) == 1 else named
