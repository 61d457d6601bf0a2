"""What can be set about an index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jsarag.config import AnyPath, as_paths, one_of, require
from jsarag.index.kinds import AUTO, INDEXES


@dataclass(frozen=True)
class IndexConfig:
    """The index over the passages.

    Attributes:
        kind: How to search. auto: by the number of passages and the memory at hand, and the choice is printed; flat:
            exact, vectors stay on disk and are mapped into memory; torch: exact, vectors on the GPU where there is
            one; hnsw: a graph, fastest, slow to build; ivf: cells; ivf-pq: cells of compressed vectors, least memory;
            milvus: a Milvus server or cluster.
        recall: Share of the exact top 20 that an approximate kind must find among vectors like those of the passages;
            it searches as widely as that takes.
        uri: Of the Milvus server, such as http://host:19530, or a file name ending in .db for milvus-lite (kept as an
            absolute path). A token is read from the environment variable MILVUS_TOKEN.
        collection: Name of the Milvus alias that searches go to.
        path: Folder made by `jsarag index`; null: encode the passages of this run and keep them in its folder.
    """

    kind: str = AUTO
    recall: float = 0.95
    uri: str | None = None
    collection: str = "jsarag"
    path: AnyPath | None = None

    def __post_init__(self) -> None:
        as_paths(self, "index.", "path")
        if self.uri is not None and self.uri.endswith(".db") and "://" not in self.uri:
            # Manifests name the file too, and are read from other folders.
            object.__setattr__(self, "uri", str(Path(self.uri).absolute()))
        one_of("index.kind", self.kind, [AUTO, *INDEXES])
        require(0 < self.recall <= 1, "index.recall", "a share above 0 and up to 1", self.recall)
        if self.kind == "milvus":
            require(self.uri is not None, "index.uri", "the address of the Milvus server with kind milvus", self.uri)
        else:
            require(self.uri is None, "index.uri", f"null with kind {self.kind}", self.uri)
        named = self.collection.replace("_", "").isalnum() and not self.collection[0].isdigit()
        require(named, "index.collection", "letters, digits and underscores, no digit first", self.collection)
