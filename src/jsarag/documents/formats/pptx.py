"""Slides by python-pptx: a slide's title is a heading, its number the page; notes are read, footers are not."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from jsarag.documents.document import Document, Draft
from jsarag.documents.formats.raw import Raw

FOOTERS = frozenset(("DATE", "FOOTER", "HEADER", "SLIDE_NUMBER"))
DEEPEST = 20
"""Groups within groups that are opened."""


def read_pptx(raw: Raw) -> Document:
    """All slides."""
    from pptx import Presentation

    draft = Draft()
    for number, slide in enumerate(Presentation(io.BytesIO(raw.data)).slides, start=1):
        draft.page = number
        title = slide.shapes.title
        draft.heading(1, "" if title is None else title.text_frame.text)
        _add(draft, (shape for shape in slide.shapes if title is None or shape.shape_id != title.shape_id), 0)
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None and notes.text.strip():
            draft.add(f"Notes: {notes.text.strip()}")
    return draft.document()


def _add(draft: Draft, shapes: Iterable[Any], depth: int) -> None:
    for shape in shapes:
        if shape.is_placeholder and shape.placeholder_format.type.name in FOOTERS:
            continue
        if hasattr(shape, "shapes") and depth < DEEPEST:
            _add(draft, shape.shapes, depth + 1)
        elif getattr(shape, "has_table", False):
            rows = ([" ".join(cell.text.split()) for cell in row.cells] for row in shape.table.rows)
            draft.add("\n".join(" | ".join(cells) for cells in rows if any(cells)), "table")
        elif shape.has_text_frame:
            lines = ((p.level, " ".join(p.text.split())) for p in shape.text_frame.paragraphs)
            draft.add("\n".join("  " * level + text for level, text in lines if text))
