"""reStructuredText by docutils, with Sphinx's roles and directives as text; nothing it names is opened."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jsarag.documents.document import Document, Draft
from jsarag.documents.encoding import text_of
from jsarag.documents.formats.markup import add_markup
from jsarag.documents.formats.raw import Raw

SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "doctitle_xform": False,
    "sectsubtitle_xform": False,
    "initial_header_level": 1,
    "syntax_highlight": "none",
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "math_output": "LaTeX",
    "line_length_limit": 1_000_000,
}
ROLES = (
    "ref", "doc", "term", "abbr", "any", "attr", "class", "cmdoption", "command", "const", "data", "dfn",
    "download", "envvar", "exc", "file", "func", "guilabel", "kbd", "keyword", "mailheader", "makevar", "manpage",
    "menuselection", "meth", "mimetype", "mod", "newsgroup", "numref", "obj", "option", "program", "py:attr",
    "py:class", "py:const", "py:data", "py:exc", "py:func", "py:meth", "py:mod", "regexp", "samp", "token",
    "c:func", "c:type", "cpp:func",
)  # fmt: skip
DIRECTIVES = (
    "deprecated", "seealso", "versionadded", "versionchanged", "function", "class", "method", "attribute", "data",
    "exception", "describe", "option", "py:function", "py:class", "py:method", "py:attribute", "py:data",
    "py:exception", "glossary", "tabs", "tab", "centered",
)  # fmt: skip
"""Sphinx's, whose argument and content are text."""
_TARGET = re.compile(r"(?s)^(.*?)\s*<[^<>]+>$")


def read_rst(raw: Raw) -> Document:
    """The blocks of the page that it makes."""
    from docutils.core import publish_parts
    from docutils.writers.html5_polyglot import Writer

    _know_sphinx()
    made = publish_parts(text_of(raw.data), writer=Writer(), settings_overrides=SETTINGS)
    draft = Draft()
    add_markup(draft, made["html_body"])
    return draft.document()


@cache
def _know_sphinx() -> None:
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives, roles

    def role(name: str, rawtext: str, text: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
        titled = _TARGET.match(text)
        return [nodes.inline(rawtext, titled[1] if titled else text.lstrip("~!"))], []

    class Content(Directive):  # type: ignore[misc]  # docutils has no types
        optional_arguments = 100
        final_argument_whitespace = True
        has_content = True
        option_spec = None

        def run(self) -> list[Any]:
            box = nodes.container()
            if self.arguments:
                box += nodes.paragraph("", " ".join(self.arguments))
            self.state.nested_parse(self.content, self.content_offset, box)
            return [box]

    for name in ROLES:
        roles.register_local_role(name, role)
    for name in DIRECTIVES:
        directives.register_directive(name, Content)
