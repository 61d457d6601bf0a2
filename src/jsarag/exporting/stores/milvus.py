"""Milvus: a server (http://host:19530), or a file ending in .db for milvus-lite; MILVUS_TOKEN opens a server."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from typing import Any

from jsarag.exporting.stores.store import DIGEST, ROWS, Row, Store
from jsarag.types import InputError

TEXTS = ("id", "title", "text", "source")
NUMBERS = ("page", "start", "end")


class MilvusStore(Store):
    """A collection whose fields are those of a passage."""

    name = "milvus"
    most = 65_535

    def __init__(self, uri: str, collection: str) -> None:
        """Open the store."""
        super().__init__(uri, collection)
        if not (collection.replace("_", "").isalnum() and collection.isascii() and not collection[0].isdigit()):
            raise InputError(
                f"--collection: expected letters, digits and underscores, no digit first, got {collection!r}"
            )
        try:
            from pymilvus import MilvusClient, MilvusException
        except ImportError:
            raise InputError('--to: milvus needs pymilvus; pip install "jsarag[milvus]"') from None
        self._error = MilvusException
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # what it would print is in the exception
        with self._told():
            self._client = MilvusClient(uri, token=os.environ.get("MILVUS_TOKEN", ""), timeout=30)

    def begin(self, dimensions: int) -> None:
        """`Store.begin`: a collection without our field for digests is somebody else's."""
        with self._told():
            if not self._client.has_collection(self.collection):
                self._create(dimensions)
            found = self._client.describe_collection(self.collection)["fields"]
            fields = {field["name"]: field for field in found}
            if DIGEST not in fields:
                raise self.foreign()
            self._client.load_collection(self.collection)
        size = int(fields["vector"]["params"]["dim"])
        if size != dimensions:
            raise self.other(size, dimensions)

    def digests(self) -> dict[str, str]:
        """`Store.digests`."""
        found: dict[str, str] = {}
        with self._told():
            rows = self._client.query_iterator(self.collection, batch_size=2 * ROWS, output_fields=["id", DIGEST])
            while some := rows.next():
                found |= {row["id"]: row[DIGEST] for row in some}
            rows.close()
        return found

    def put(self, rows: Sequence[Row]) -> None:
        """`Store.put`."""
        data = [
            {
                **{name: row.record.get(name, "") for name in TEXTS},
                **{name: row.record.get(name) for name in NUMBERS},
                "vector": row.vector.tolist(),
                DIGEST: row.digest,
            }
            for row in rows
        ]
        with self._told():
            self._client.upsert(self.collection, data)

    def remove(self, ids: Collection[str]) -> None:
        """`Store.remove`."""
        with self._told():
            self._client.delete(self.collection, ids=list(ids))

    def close(self) -> None:
        """`Store.close`: what was written is on the disk."""
        with self._told():
            if self._client.has_collection(self.collection):
                self._client.flush(self.collection)
            self._client.close()

    def _create(self, dimensions: int) -> None:
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        for name in (*TEXTS, DIGEST):
            schema.add_field(name, DataType.VARCHAR, max_length=self.most, is_primary=name == "id")
        for name in NUMBERS:
            schema.add_field(name, DataType.INT64, nullable=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
        index = self._client.prepare_index_params()
        index.add_index("vector", index_type="AUTOINDEX", metric_type="IP")
        self._client.create_collection(self.collection, schema=schema, index_params=index, consistency_level="Strong")

    def _told(self) -> Any:
        return self.told(self._error, OSError, ValueError)
