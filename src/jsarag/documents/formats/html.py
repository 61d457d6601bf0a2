"""HTML pages by trafilatura, which leaves navigation, headers and footers out."""

from __future__ import annotations

from typing import Any

from jsarag.documents.document import Document, Draft
from jsarag.documents.encoding import text_of
from jsarag.documents.formats.markup import add_markup, add_tree, plain, tree_of
from jsarag.documents.formats.raw import Raw

LOST = 0.15
"""Where less of a page's text than this share is found to be its content, the guess was wrong: all of it is read."""
TAGS = {"row": "tr", "hi": "span", "ref": "span", "del": "span", "lb": "br", "quote": "blockquote"}
"""HTML's names of the elements that trafilatura, which writes TEI, calls otherwise."""


def read_html(raw: Raw) -> Document:
    """The content of a page."""
    from trafilatura import bare_extraction

    text = text_of(raw.data, markup=True)
    found: Any = bare_extraction(text, include_comments=False, include_formatting=True, favor_recall=True, fast=True)
    everything, content = Draft(), Draft()
    add_markup(everything, text)
    body: Any = None if found is None else found.body
    if body is not None:
        _as_html(body)
        add_tree(content, body)
    # Of a page with little text trafilatura makes one paragraph.
    lost = body is None or content.size < min(2, everything.size) or len(content.text) < LOST * len(everything.text)
    chosen = everything if lost else content
    headings = [] if chosen is everything else [plain(heading) for heading in body.iter("h1")]
    chosen.title = headings[0] if len(headings) == 1 else _title(text)
    return chosen.document()


def _as_html(body: Any) -> None:
    """Give elements the names that they have in HTML; code among words stays there, any other is a listing."""
    for element in body.iter():
        tag, parent = element.tag, element.getparent()
        rend = element.get("rend", "")
        if tag == "head":
            element.tag = rend if rend in ("h1", "h2", "h3", "h4", "h5", "h6") else "h2"
        elif tag == "list":
            element.tag = rend if rend in ("ul", "ol", "dl") else "ul"
        elif tag == "item":
            element.tag = rend[:2] if rend[:2] in ("dt", "dd") else "li"
        elif tag == "cell":
            element.tag = "th" if element.get("role") == "head" else "td"
        elif tag == "code":
            lines = "\n" in "".join(element.itertext()).strip()
            within = parent is not None and parent.tag not in ("body", "main", "div", "blockquote")
            element.tag = "span" if within and not lines else "pre"
        else:
            element.tag = TAGS.get(tag, tag)


def _title(text: str) -> str:
    """What a page calls itself."""
    root = tree_of(text)
    return "" if root is None else next((plain(title) for title in root.iter("title")), "")
