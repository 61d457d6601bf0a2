"""Nearest-neighbour indexes, one file each; a new kind is a new file and one line in `jsarag.index.kinds`."""

from __future__ import annotations

from jsarag.index.config import IndexConfig
from jsarag.index.distributed import build_index, load_index
from jsarag.index.flat import Flat
from jsarag.index.index import Index, Needs
from jsarag.index.kinds import AUTO, INDEXES
from jsarag.index.plan import Plan, Room, plan, room_at

__all__ = [
    "AUTO",
    "INDEXES",
    "Flat",
    "Index",
    "IndexConfig",
    "Needs",
    "Plan",
    "Room",
    "build_index",
    "load_index",
    "plan",
    "room_at",
]
