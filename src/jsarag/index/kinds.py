"""The kinds of index by name; a new kind is a new file and one line here."""

from __future__ import annotations

from jsarag.index.flat import Flat
from jsarag.index.hnsw import HNSW
from jsarag.index.index import Index
from jsarag.index.ivf import IVF
from jsarag.index.ivf_pq import IVFPQ
from jsarag.index.milvus import Milvus
from jsarag.index.torch_exact import Torch

AUTO = "auto"
KINDS: tuple[type[Index], ...] = (Flat, Torch, HNSW, IVF, IVFPQ, Milvus)
INDEXES: dict[str, type[Index]] = {kind.name: kind for kind in KINDS}
