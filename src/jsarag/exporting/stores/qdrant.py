"""Qdrant: a server (http://host:6333), a folder on this machine, or ``:memory:``; QDRANT_API_KEY opens a server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from jsarag.exporting.stores.store import DIGEST, ROWS, Row, Store
from jsarag.types import InputError

_SPACE = uuid.UUID("c0a5c1b3-5f0e-4e0a-9f57-0d9f5a4f3f4e")
"""Qdrant takes no text for an id: that of a point is the UUID of the passage's id in this namespace."""


class QdrantStore(Store):
    """A collection of points whose payload is the passage."""

    name = "qdrant"

    def __init__(self, uri: str, collection: str, client: Any = None) -> None:
        """Open the store; ``client``: use this ``QdrantClient``, whatever the address."""
        super().__init__(uri, collection)
        try:
            import qdrant_client
        except ImportError:
            raise InputError('--to: qdrant needs qdrant-client; pip install "jsarag[qdrant]"') from None
        self._models = qdrant_client.models
        self._own = client is None
        with self._told():
            self._client = client or _client(qdrant_client.QdrantClient, uri)

    def begin(self, dimensions: int) -> None:
        """`Store.begin`: a collection with a point that holds no digest is somebody else's."""
        models = self._models
        with self._told():
            if not self._client.collection_exists(self.collection):
                kind = models.VectorParams(size=dimensions, distance=models.Distance.DOT)
                self._client.create_collection(self.collection, vectors_config=kind)
                return
            vectors = self._client.get_collection(self.collection).config.params.vectors
            others = models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key=DIGEST))])
            if self._client.count(self.collection, count_filter=others).count:
                raise self.foreign()
        if not isinstance(vectors, models.VectorParams) or vectors.distance != models.Distance.DOT:
            raise self.foreign()
        if vectors.size != dimensions:
            raise self.other(vectors.size, dimensions)

    def digests(self) -> dict[str, str]:
        """`Store.digests`."""
        found: dict[str, str] = {}
        offset = None
        with self._told():
            while True:
                points, offset = self._client.scroll(
                    self.collection, limit=20 * ROWS, offset=offset, with_payload=["id", DIGEST]
                )
                found |= {point.payload["id"]: point.payload[DIGEST] for point in points}
                if offset is None:
                    return found

    def put(self, rows: Sequence[Row]) -> None:
        """`Store.put`."""
        points = [
            self._models.PointStruct(
                id=_uuid(row.id), vector=row.vector.tolist(), payload={**row.record, DIGEST: row.digest}
            )
            for row in rows
        ]
        with self._told():
            self._client.upsert(self.collection, points=points, wait=True)

    def remove(self, ids: Collection[str]) -> None:
        """`Store.remove`."""
        with self._told():
            self._client.delete(self.collection, points_selector=[_uuid(one) for one in ids], wait=True)

    def close(self) -> None:
        """`Store.close`; a client that was given stays open."""
        if self._own:
            self._client.close()

    def _told(self) -> Any:
        from qdrant_client.http.exceptions import ApiException

        return self.told(ApiException, OSError, ValueError, RuntimeError)


def _client(kind: Any, uri: str) -> Any:
    if uri == ":memory:":
        return kind(":memory:")
    if "://" not in uri:
        return kind(path=uri)
    return kind(url=uri, api_key=os.environ.get("QDRANT_API_KEY"), check_compatibility=False)


def _uuid(one: str) -> str:
    return str(uuid.uuid5(_SPACE, one))
