"""A run as it leaves: parts that other libraries open, a model card, the model hub, stores of vectors."""

from __future__ import annotations

from jsarag.exporting.folder import check_out, is_export, passages_of, read, write
from jsarag.exporting.hub import check_login, check_name, push
from jsarag.exporting.parts import WEIGHTS, Parts, documents_of, gather
from jsarag.exporting.stores import STORES, Stored, secretless, store
from jsarag.system.hub import fetched

__all__ = [
    "STORES",
    "WEIGHTS",
    "Parts",
    "Stored",
    "check_login",
    "check_name",
    "check_out",
    "documents_of",
    "fetched",
    "gather",
    "is_export",
    "passages_of",
    "push",
    "read",
    "secretless",
    "store",
    "write",
]
