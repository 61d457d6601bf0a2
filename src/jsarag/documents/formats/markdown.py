"""Markdown (CommonMark with tables), read as the page it makes: links are their text, anchors and images are gone."""

from __future__ import annotations

import re

from jsarag.documents.document import Document, Draft
from jsarag.documents.encoding import text_of
from jsarag.documents.formats.markup import add_markup
from jsarag.documents.formats.raw import Raw

_FRONT = re.compile(r"---[ \t]*\n(?P<fields>.*?)\n(---|\.\.\.)[ \t]*(\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"""^title:\s*(["']?)(?P<title>.*?)\1\s*$""", re.MULTILINE)


def read_markdown(raw: Raw) -> Document:
    """The blocks of the page; a title in the front matter is the document's."""
    from markdown_it import MarkdownIt

    text = text_of(raw.data)
    front = _FRONT.match(text)
    named = _TITLE.search(front["fields"]) if front else None
    draft = Draft(named["title"] if named else "")
    add_markup(draft, MarkdownIt("commonmark").enable("table").render(text[front.end() :] if front else text))
    return draft.document()
