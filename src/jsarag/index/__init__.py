"""Nearest-neighbour indexes, one file each; a new kind is a new file and one line in `jsarag.index.kinds`."""

from __future__ import annotations

from jsarag.index.config import IndexConfig, as_plain, from_plain
from jsarag.index.distributed import build_index, load_index
from jsarag.index.flat import Flat
from jsarag.index.hnsw import HNSW
from jsarag.index.index import Index, Kind, Needs
from jsarag.index.ivf import IVF
from jsarag.index.ivf_pq import IVFPQ
from jsarag.index.kinds import INDEXES
from jsarag.index.milvus import Milvus
from jsarag.index.plan import Auto, Plan, Room, plan, room_at
from jsarag.index.torch_exact import Torch

__all__ = [
    "HNSW",
    "INDEXES",
    "IVF",
    "IVFPQ",
    "Auto",
    "Flat",
    "Index",
    "IndexConfig",
    "Kind",
    "Milvus",
    "Needs",
    "Plan",
    "Room",
    "Torch",
    "as_plain",
    "build_index",
    "from_plain",
    "load_index",
    "plan",
    "room_at",
]
