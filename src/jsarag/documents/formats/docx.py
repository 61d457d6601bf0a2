"""Word documents by mammoth: headings by their styles, lists, tables; no headers, footers or pictures."""

from __future__ import annotations

import io

from jsarag.documents.document import Document, Draft
from jsarag.documents.formats.markup import add_markup
from jsarag.documents.formats.raw import Raw

STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh\nbr[type='page'] => p:fresh"


def read_docx(raw: Raw) -> Document:
    """The body of a document."""
    import mammoth

    no_image = mammoth.images.img_element(lambda _: {})
    made = mammoth.convert_to_html(io.BytesIO(raw.data), style_map=STYLES, convert_image=no_image)
    draft = Draft()
    add_markup(draft, made.value)
    return draft.document()
