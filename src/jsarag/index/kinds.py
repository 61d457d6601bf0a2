"""The kinds of index by name; a new kind is a new file and one line here."""

from __future__ import annotations

from jsarag.index.flat import Flat
from jsarag.index.hnsw import HNSW
from jsarag.index.index import Kind
from jsarag.index.ivf import IVF
from jsarag.index.ivf_pq import IVFPQ
from jsarag.index.milvus import Milvus
from jsarag.index.plan import Auto
from jsarag.index.torch_exact import Torch
from jsarag.registry import Registry

INDEXES: Registry[type[Kind]] = Registry(
    "jsarag.indexes", {kind.name: kind for kind in (Auto, Flat, Torch, HNSW, IVF, IVFPQ, Milvus)}
)
