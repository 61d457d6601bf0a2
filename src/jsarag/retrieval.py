"""The knowledge base in vectors: passages, their embeddings and an index over them, kept in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from jsarag.config import one_of
from jsarag.files import read_json, read_jsonl, whole, write_json, write_jsonl
from jsarag.index import INDEXES, Index
from jsarag.models import Encoder
from jsarag.types import InputError, Passage, Retrieved

FORMAT = 1
_NEEDED = ("manifest.json", "passages.jsonl", "vectors.safetensors", "index.bin")


@dataclass(frozen=True)
class IndexConfig:
    """The index over the passages.

    Attributes:
        kind: How to search; flat is exact.
        path: Folder made by `jsarag index`; null: encode the passages of this run and keep them in its folder.
    """

    kind: str = "flat"
    path: Path | None = None

    def __post_init__(self) -> None:
        one_of("index.kind", self.kind, INDEXES)


def check_k(k: int, passages: int, option: str) -> None:
    """Refuse to look for more passages than there are; known before any of them is encoded."""
    if k > passages:
        raise InputError(f"{option}: expected at most the {passages} passages of the knowledge base, got {k}")


class KnowledgeBase:
    """N passages with their vectors e_lambda(h), searchable.

    Attributes:
        passages: In the order of positions.
        vectors: ``[N, dimensions]`` float32, on the CPU.
        fingerprint: That of the encoder which made the vectors.
        folder: Where it was saved to or loaded from, None while it is in memory alone.
    """

    def __init__(self, passages: Sequence[Passage], vectors: Tensor, index: Index, fingerprint: str) -> None:
        """Put together parts that belong together; use `build` or `load`."""
        self.passages = list(passages)
        self.vectors = vectors
        self.index = index
        self.fingerprint = fingerprint
        self.folder: Path | None = None
        self.position = {passage.id: i for i, passage in enumerate(self.passages)}

    def __len__(self) -> int:
        """The number of passages N."""
        return len(self.passages)

    @classmethod
    def build(
        cls,
        passages: Sequence[Passage],
        encoder: Encoder,
        kind: str = "flat",
        *,
        progress: Callable[[int], None] | None = None,
    ) -> KnowledgeBase:
        """Encode ``passages`` and index them; ``progress`` is told the size of each finished batch."""
        with torch.inference_mode():
            vectors = encoder.embed_passages(passages, progress=progress).cpu().contiguous()
        vectors = vectors.clone()  # out of inference mode: training reads them
        return cls(passages, vectors, INDEXES[kind].build(vectors.numpy()), encoder.fingerprint())

    def rebuilt(self, encoder: Encoder, *, progress: Callable[[int], None] | None = None) -> KnowledgeBase:
        """The same passages and kind of index with the vectors of ``encoder``."""
        return KnowledgeBase.build(self.passages, encoder, self.index.name, progress=progress)

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Scores and positions of the k best passages, ``[queries, k]`` each, best first; no gradient.

        Raises:
            InputError: k is larger than the knowledge base.
        """
        self.check_k(k, "k")
        scores, positions = self.index.search(queries.detach().float().cpu().contiguous().numpy(), k)
        return torch.from_numpy(scores), torch.from_numpy(positions)

    def retrieve(self, queries: Tensor, k: int, scale: float) -> list[list[Retrieved]]:
        """The k best passages of each query with p(h|x) renormalised over them."""
        scores, positions = self.search(queries, k)
        probabilities = (scale * scores).softmax(-1)
        return [
            [Retrieved(self.passages[i], s, p) for i, s, p in zip(*row, strict=True)]
            for row in zip(positions.tolist(), scores.tolist(), probabilities.tolist(), strict=True)
        ]

    def check_k(self, k: int, option: str) -> None:
        """Refuse to look for more passages than there are."""
        check_k(k, len(self), option)

    def check_encoder(self, encoder: Encoder, where: str) -> None:
        """Refuse vectors that another encoder, or other encoder settings, made."""
        made = encoder.fingerprint()
        if made != self.fingerprint:
            raise InputError(
                f"{where}: made by another encoder or other encoder settings (fingerprint {self.fingerprint}, this "
                f"encoder {made}); run `jsarag index` again with this encoder, or name the encoder that made it"
            )

    def save(self, folder: Path) -> None:
        """Write passages, vectors, index and manifest as one folder, whole or not at all."""
        with whole(folder) as temporary:
            temporary.mkdir()
            write_jsonl(temporary / "passages.jsonl", map(asdict, self.passages))
            save_file({"vectors": self.vectors}, temporary / "vectors.safetensors")
            self.index.save(temporary / "index.bin")
            manifest = {
                "format": FORMAT,
                "kind": self.index.name,
                "passages": len(self),
                "dimensions": self.vectors.shape[1],
                "encoder": self.fingerprint,
            }
            write_json(temporary / "manifest.json", manifest)
        self.folder = folder

    @classmethod
    def load(cls, folder: Path) -> KnowledgeBase:
        """Read what `save` wrote.

        Raises:
            InputError: no such folder, not an index folder, or files that do not belong together.
        """
        for name in _NEEDED:
            if not (folder / name).is_file():
                raise InputError(f"{folder}: not an index folder made by `jsarag index` (no {name})")
        manifest = read_json(folder / "manifest.json")
        if manifest.get("format") != FORMAT or manifest.get("kind") not in INDEXES:
            raise InputError(f"{folder / 'manifest.json'}: expected format {FORMAT} and kind {', '.join(INDEXES)}")
        passages = [Passage(**record) for _, record in read_jsonl(folder / "passages.jsonl")]
        vectors = load_file(folder / "vectors.safetensors")["vectors"]
        if not len(passages) == len(vectors) == manifest["passages"]:
            raise InputError(f"{folder}: {len(passages)} passages, {len(vectors)} vectors; run `jsarag index` again")
        kb = cls(passages, vectors, INDEXES[manifest["kind"]].load(folder / "index.bin"), manifest["encoder"])
        kb.folder = folder
        return kb
