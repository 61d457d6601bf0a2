"""Stores of vectors that a knowledge base can be written into; a new one is a file here and a line of `STORES`."""

from __future__ import annotations

from jsarag.display import Display
from jsarag.exporting.stores.milvus import MilvusStore
from jsarag.exporting.stores.pgvector import PgvectorStore
from jsarag.exporting.stores.qdrant import QdrantStore
from jsarag.exporting.stores.store import Row, Store, Stored, fill, secretless
from jsarag.kb import KnowledgeBase
from jsarag.registry import Registry

STORES: Registry[type[Store]] = Registry(
    "jsarag.stores", {kind.name: kind for kind in (QdrantStore, PgvectorStore, MilvusStore)}
)


def store(kb: KnowledgeBase, name: str, uri: str, collection: str, display: Display) -> Stored:
    """Write a knowledge base into a collection of a store; what is there already is not sent again.

    Args:
        kb: The passages with their vectors.
        name: The store, one of `STORES`.
        uri: Where the store is.
        collection: Made if it is not there.
        display: Shown progress.

    Raises:
        InputError: an unknown store, no package for it, nobody there, or a collection that jsarag did not write.
    """
    with STORES.named(name, "--to")(uri, collection) as opened:
        return fill(opened, kb, display)


__all__ = ["STORES", "Row", "Store", "Stored", "fill", "secretless", "store"]
