"""Nearest-neighbour indexes, one file each; a new kind is a new file and one line of `INDEXES`."""

from __future__ import annotations

from jsarag.index.flat import Flat
from jsarag.index.index import Index

INDEXES: dict[str, type[Index]] = {Flat.name: Flat}

__all__ = ["INDEXES", "Flat", "Index"]
