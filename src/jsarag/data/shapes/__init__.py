"""The shapes that people's records have: a new one is one file here and one line of `PAIRS` or `PASSAGES`."""

from __future__ import annotations

from jsarag.data.columns import Columns
from jsarag.data.shapes import pairs, passages
from jsarag.data.shapes.base import Found, LeftOut, Made, Shape, Sheet
from jsarag.types import InputError

PAIRS = (pairs.OWN, pairs.COLUMNS)
"""Shapes of training pairs; the first that matches is taken."""
PASSAGES = (passages.OWN, passages.COLUMNS)
"""Shapes of a knowledge base."""

__all__ = ["PAIRS", "PASSAGES", "Found", "LeftOut", "Made", "Shape", "Sheet", "pairs_shape", "passages_shape"]


def pairs_shape(sheet: Sheet, columns: Columns) -> Shape:
    """The shape in which a file holds pairs.

    Raises:
        InputError: none that is known; the message names the columns that there are.
    """
    if columns.input is not None or columns.outputs is not None:
        return pairs.MAPPED
    found = next((shape for shape in PAIRS if shape.matches(sheet)), None)
    if found is None:
        raise InputError(pairs.missing(sheet, "outputs" if sheet.has(pairs.FIELDS["input"]) else "input"))
    return found


def passages_shape(sheet: Sheet, columns: Columns) -> Shape:
    """The shape in which a file holds passages.

    Raises:
        InputError: none that is known; the message names the columns that there are.
    """
    if columns.text is not None:
        return passages.MAPPED
    found = next((shape for shape in PASSAGES if shape.matches(sheet)), None)
    if found is None:
        raise InputError(passages.missing(sheet))
    return found
