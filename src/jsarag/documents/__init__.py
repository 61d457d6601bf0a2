"""Documents: files of many formats as text with headings and pages, and as passages of a knowledge base."""

from __future__ import annotations

from jsarag.documents.document import Block, Document, UnreadableError
from jsarag.documents.formats import FORMATS, Raw
from jsarag.documents.reading import read_document

__all__ = ["FORMATS", "Block", "Document", "Raw", "UnreadableError", "read_document"]
