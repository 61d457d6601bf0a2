"""Search on a Milvus server or cluster, for knowledge bases beyond one machine; milvus-lite serves a file the same way.

A new index is a fresh collection, and an alias is moved to it when it is whole: whoever searches by the alias sees no
gap. The collection before it is kept, for a run that is resumed from a checkpoint of that time.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from jsarag.checks import require
from jsarag.files import read_json, write_json
from jsarag.index.index import Kind, Needs, Positions, Vectors
from jsarag.types import InputError

FILE = "milvus.json"
ROWS = 1_000
"""Vectors sent at once."""


class MilvusIndex:
    """One collection, searched under its own name."""

    def __init__(self, uri: str, collection: str) -> None:
        """Search ``collection`` at ``uri``; a connection is made at the first search."""
        self._uri, self._collection = uri, collection
        self.facts: Mapping[str, Any] = {"uri": uri, "collection": collection}

    @cached_property
    def _client(self) -> Any:
        return connect(self._uri)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Positions]:
        """The k best that the server finds."""
        found = self._client.search(
            self._collection, data=list(queries), limit=k, output_fields=["id"], search_params={"metric_type": "IP"}
        )
        if any(len(hits) < k for hits in found):
            raise InputError(f"index.uri: {self._uri} gave fewer than {k} passages from {self._collection}")
        scores = np.array([[hit["distance"] for hit in hits] for hits in found], dtype=np.float32)
        return scores, np.array([[hit["id"] for hit in hits] for hits in found], dtype=np.int64)

    def save(self, folder: Path) -> None:
        """Write where it lies."""
        write_json(folder / FILE, self.facts)


@dataclass(frozen=True)
class Milvus(Kind):
    """A Milvus server or cluster: for knowledge bases beyond one machine.

    Attributes:
        uri: Of the server, such as http://host:19530, or a file name ending in .db for milvus-lite (kept as an
            absolute path). A token is read from the environment variable MILVUS_TOKEN.
        collection: Name of the alias that searches go to.
    """

    name = "milvus"
    files = (FILE,)

    uri: str = ""
    collection: str = "jsarag"

    def __post_init__(self) -> None:
        require(bool(self.uri), "index.uri", "the address of the Milvus server with kind milvus", self.uri)
        if urlsplit(self.uri).password:
            raise InputError(
                "index.uri: expected an address without a password, for the address is kept in the run's files; "
                "put USER:PASSWORD into the environment variable MILVUS_TOKEN"
            )
        if self.uri.endswith(".db") and "://" not in self.uri:
            # Manifests name the file too, and are read from other folders.
            object.__setattr__(self, "uri", str(Path(self.uri).absolute()))
        named = self.collection.replace("_", "").isalnum() and not self.collection[0].isdigit()
        require(named, "index.collection", "letters, digits and underscores, no digit first", self.collection)

    def build(self, vectors: Vectors) -> MilvusIndex:
        """Fill a fresh collection, move the alias to it, drop all older ones but the one before.

        Raises:
            InputError: no pymilvus, no server, or the alias's name is taken by a collection.
        """
        client = connect(self.uri)
        if client.has_collection(self.collection) and not _target(client, self.collection):
            raise InputError(f"index.collection: {self.collection} is a collection, not an alias; name another")
        collection = f"{self.collection}_{time.time_ns()}"
        _fill(client, collection, vectors)
        before = _target(client, self.collection)
        if before:
            client.alter_alias(collection, self.collection)
        else:
            client.create_alias(collection, self.collection)
        for name in client.list_collections():
            stamp = name.removeprefix(f"{self.collection}_")
            if stamp != name and stamp.isdigit() and name not in (collection, before):
                client.drop_collection(name)
        return MilvusIndex(self.uri, collection)

    def needs(self, passages: int, dimensions: int) -> Needs:
        """All of it lies on the server."""
        return Needs(0, 0)

    def load(self, folder: Path, vectors: Vectors) -> MilvusIndex:
        """Find the collection again; one that is gone, after many rebuilds, is filled again from the vectors."""
        facts = read_json(folder / FILE)
        client = connect(facts["uri"])
        if not client.has_collection(facts["collection"]):
            _fill(client, facts["collection"], vectors)
        return MilvusIndex(facts["uri"], facts["collection"])


def connect(uri: str) -> Any:
    """A client; the token comes from the environment, never from a file of the run.

    Raises:
        InputError: no pymilvus, or nobody answers there.
    """
    try:
        from pymilvus import MilvusClient, MilvusException
    except ImportError:
        raise InputError("index.kind: milvus needs pymilvus; pip install 'jsarag[milvus]'") from None
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # what it would print is in the exception
    try:
        return MilvusClient(uri, token=os.environ.get("MILVUS_TOKEN", ""), timeout=30)
    except (MilvusException, OSError, ValueError) as error:
        raise InputError(f"index.uri: no Milvus at {uri} ({str(error).splitlines()[0]})") from None


def _target(client: Any, alias: str) -> str | None:
    """The collection an alias points to."""
    from pymilvus import MilvusException

    try:
        return str(client.describe_alias(alias)["collection_name"])
    except MilvusException:
        return None


def _fill(client: Any, collection: str, vectors: Vectors) -> None:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
    index = client.prepare_index_params()
    index.add_index("vector", index_type="AUTOINDEX", metric_type="IP")
    client.create_collection(collection, schema=schema, index_params=index, consistency_level="Strong")
    for first in range(0, len(vectors), ROWS):
        rows = [{"id": first + i, "vector": v} for i, v in enumerate(vectors[first : first + ROWS])]
        client.insert(collection, rows)
    client.flush(collection)
    client.load_collection(collection)
