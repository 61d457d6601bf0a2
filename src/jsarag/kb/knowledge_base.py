"""The knowledge base in vectors: passages, their embeddings and an index over them, kept in one folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from jsarag import checksums, layout, processes
from jsarag.data import as_passages
from jsarag.display import Display, Silent, about
from jsarag.files import read_json, read_jsonl, read_object, write_json, write_jsonl
from jsarag.index import INDEXES, Auto, Index, Kind, as_plain, build_index, from_plain, load_index, plan, room_at
from jsarag.kb.sources import SOURCES, Source, best
from jsarag.layout import TEXTS, VECTORS
from jsarag.models import Encoder
from jsarag.models.similarity import Similarity, comparable
from jsarag.places import check_folder
from jsarag.types import NULL, InputError, Passage, Retrieved
from jsarag.whole import sweep, whole

FORMAT = 3
READ = (2, FORMAT)
"""Formats that are read; folders of format 2 have no checksums."""
MANIFEST = layout.MANIFEST
_NEEDED = (MANIFEST, TEXTS, VECTORS)
SAMPLED = 64
"""Passages that are encoded to estimate the time for all."""
CHECKED = 65_536
"""Vectors that are looked through at once for numbers that are not finite."""
POOL = 100
"""Passages that the index and a source of candidates each bring into a search in which the source has a say."""


def check_k(k: int, passages: int, option: str) -> None:
    """Refuse to look for more passages than there are; known before any of them is encoded."""
    if k > passages:
        raise InputError(f"{option}: expected at most the {passages} passages of the knowledge base, got {k}")


def is_index(folder: Path) -> bool:
    """Whether a folder is an index, or what is left of one."""
    return (folder / VECTORS).is_file()


def check_place(folder: Path) -> None:
    """Refuse to write an index where anything but an index lies.

    Raises:
        InputError: a folder that is not empty and not made by `KnowledgeBase.save`, or that holds a file beside those.
    """
    file = folder / MANIFEST
    manifest = read_json(file) if file.is_file() else None
    ours = isinstance(manifest, dict) and {"format", "index", "encoder"} <= manifest.keys()
    names = {*_NEEDED, checksums.FILE, *(name for kind in INDEXES.all_loadable().values() for name in kind.files)}
    check_folder(folder, names if ours else (), "jsarag index")


def preflight(
    passages: Sequence[Passage],
    encoder: Encoder,
    kind: Kind,
    folder: Path,
    display: Display,
    known: KnowledgeBase | None = None,
) -> Kind:
    """Before passages are encoded: choose the kind of index, say what it will take, refuse what cannot fit.

    Args:
        passages: All of them; a few are encoded to tell how long it will take.
        encoder: What will encode them.
        kind: The wanted kind of index, maybe `Auto`.
        folder: Where it will be kept.
        display: Told what to expect.
        known: A knowledge base of this encoder; its passages are not encoded again.

    Returns:
        The kind, chosen where `Auto` was wanted.

    Raises:
        InputError: memory or disk do not suffice.
    """
    found = plan(len(passages), encoder.dimensions, kind, room_at(folder))
    new = [passages[i] for i in _unknown(passages, known)]
    seconds = found.needs.seconds
    if new:
        some = [new[i] for i in np.linspace(0, len(new) - 1, min(len(new), SAMPLED)).astype(int)]
        with torch.inference_mode():
            encoder.embed_passages(some[:4])  # the first call is slow
            began = time.perf_counter()
            encoder.embed_passages(some)
        seconds += (time.perf_counter() - began) / len(some) * len(new)
    share = "" if known is None else f" ({len(new):,} new)"
    dimensions = encoder.dimensions
    display.say(f"{len(passages):,} passages{share} of {dimensions} dimensions: {found}, about {about(seconds)}")
    return _agreed(kind, found.kind)


def encode(
    passages: Sequence[Passage],
    encoder: Encoder,
    kind: Kind,
    folder: Path,
    display: Display,
    known: KnowledgeBase | None = None,
) -> KnowledgeBase:
    """A knowledge base after `preflight`, same arguments, with progress; it is not yet saved."""
    display = display if processes.first() else Silent()
    kind = preflight(passages, encoder, kind, folder, display, known)
    with display.task("indexing", len(_unknown(passages, known))) as advance:
        return KnowledgeBase.build(passages, encoder, kind, progress=lambda done: advance(done, ""), known=known)


def _unknown(passages: Sequence[Passage], known: KnowledgeBase | None) -> list[int]:
    """Positions of the passages whose vectors ``known`` does not hold: an encoder reads title and text."""
    if known is None:
        return list(range(len(passages)))
    held = {(passage.title, passage.text) for passage in known.passages}
    return [i for i, passage in enumerate(passages) if (passage.title, passage.text) not in held]


def _joined(made: Tensor, new: Sequence[int], passages: Sequence[Passage], known: KnowledgeBase | None) -> Tensor:
    """The vectors of all passages: those made, which are at the positions ``new``, and those known."""
    if known is None:
        return made
    place = {(passage.title, passage.text): i for i, passage in enumerate(known.passages)}
    vectors = made.new_empty(len(passages), known.vectors.shape[1])
    vectors[torch.tensor(new, dtype=torch.long)] = made
    fresh = set(new)
    old = [i for i in range(len(passages)) if i not in fresh]
    rows = [place[passages[i].title, passages[i].text] for i in old]
    vectors[torch.tensor(old, dtype=torch.long)] = known.vectors[torch.tensor(rows, dtype=torch.long)]
    return vectors


def _agreed(wanted: Kind, found: Kind) -> Kind:
    """What the first process found: room differs from process to process, the index is one."""
    if not isinstance(wanted, Auto):
        return found
    return wanted.options[processes.as_first([kind.name for kind in wanted.options].index(found.name))]


def _not_finite(vectors: Tensor) -> int | None:
    """The first row that holds NaN or an infinite number."""
    for first in range(0, len(vectors), CHECKED):
        # A row's sum is finite where all its numbers are, but for overflow; a quarter of the time of looking at each.
        some = vectors[first : first + CHECKED]
        if not some.sum().isfinite():
            broken = (~some.isfinite().all(-1)).nonzero()
            if len(broken):
                return first + int(broken[0])
    return None


class KnowledgeBase:
    """N passages with their vectors e_lambda(h), searchable.

    Attributes:
        passages: In the order of positions.
        vectors: ``[N, dimensions]`` float32, on the CPU; `comparable`, so that inner products are similarities.
        fingerprint: That of the encoder which made the vectors.
        kind: Of its index, with the settings of that kind.
        facts: What building the index found out.
        similarity: That of the encoder which made the vectors.
        null: Position of the null passage; None where there is none.
        folder: Where it was saved to or loaded from, None while it is in memory alone.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        vectors: Tensor,
        index: Index,
        fingerprint: str,
        kind: Kind,
        similarity: Similarity = "dot",
    ) -> None:
        """Put together parts that belong together; use `build` or `load`."""
        self.passages = list(passages)
        self.vectors = vectors
        self.index, self.facts = index, index.facts
        self.fingerprint = fingerprint
        self.kind = kind
        self.similarity = similarity
        self.folder: Path | None = None
        self._sources: dict[str, Source] = {}
        self.position = {passage.id: i for i, passage in enumerate(self.passages)}
        null = self.position.get(NULL)
        self.null = null if null is not None and self.passages[null].null else None

    def __len__(self) -> int:
        """The number of passages N."""
        return len(self.passages)

    @classmethod
    def build(
        cls,
        passages: Iterable[Passage | Mapping[str, Any]],
        encoder: Encoder,
        kind: Kind | str = "auto",
        *,
        progress: Callable[[int], None] | None = None,
        known: KnowledgeBase | None = None,
    ) -> KnowledgeBase:
        """Encode ``passages`` and index them.

        Args:
            passages: All of them: `jsarag.Passage`, or {id, title, text}, of which title and id may be absent.
            encoder: Makes their vectors.
            kind: Of the index, or its name in `jsarag.index.INDEXES`.
            progress: Told the size of each finished batch.
            known: A knowledge base of the same encoder, whose vectors of the same title and text are taken over.

        Raises:
            InputError: ``known`` is of another encoder, the index does not fit into this machine, or a vector is not
                finite.
        """
        passages = as_passages(passages)
        if isinstance(kind, str):
            kind = INDEXES.named(kind, "index.kind")()
        if isinstance(kind, Auto):
            kind = _agreed(kind, plan(len(passages), encoder.dimensions, kind, room_at(Path.cwd())).kind)
        if known is not None:
            known.check_encoder(encoder, "known")
        new = _unknown(passages, known)
        shown = processes.times(progress)
        with torch.inference_mode():
            made = processes.spread(
                [passages[i] for i in new], lambda some: encoder.embed_passages(some, progress=shown).cpu()
            )
        broken = _not_finite(made)
        if broken is not None:
            raise InputError(f"encoder.model: the vector of passage {passages[new[broken]].id!r} is not finite")
        vectors = _joined(comparable(made, encoder.similarity), new, passages, known)
        vectors = vectors.contiguous().clone()  # out of inference mode: training reads them
        index = build_index(vectors.numpy(), kind)
        return cls(passages, vectors, index, encoder.fingerprint(), kind, encoder.similarity)

    def rebuilt(self, encoder: Encoder, *, progress: Callable[[int], None] | None = None) -> KnowledgeBase:
        """The same passages and kind of index with the vectors of ``encoder``."""
        fresh = KnowledgeBase.build(self.passages, encoder, self.kind, progress=progress)
        fresh._sources = self._sources  # of the texts alone
        return fresh

    def source(self, name: str) -> Source:
        """What finds these passages by their texts; made when it is first asked for, in memory alone.

        Raises:
            InputError: no source has that name.
        """
        if name not in self._sources:
            self._sources[name] = SOURCES.named(name, "candidates.source")(self.passages)
        return self._sources[name]

    def comparable(self, vectors: Tensor) -> Tensor:
        """Vectors of its encoder, ``[..., dimensions]``, made such that inner products with `vectors` are similarities.

        Keeps the gradient.
        """
        return comparable(vectors, self.similarity)

    def search(self, queries: Tensor, k: int, relevance: Iterable[Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Scores and positions of the k best passages, ``[queries, k]`` each, best first; no gradient.

        ``relevance``, ``[passages]`` a query, is added to the inner products. The best are then those among the first
        `POOL` (or k, if more) by inner product and as many by relevance.

        Of k above 1 the null passage is always one, in the last place where it is not among the best: what is never
        a candidate could never be learned (as the null document of REALM, arXiv 2002.08909, section 3.4).

        Raises:
            InputError: k is larger than the knowledge base, or a query's vector is not finite.
        """
        self.check_k(k, "k")
        e = self.comparable(queries.detach().float()).cpu().contiguous()
        if relevance is not None:
            return self._fused(e, self.search(queries, min(max(k, POOL), len(self)))[1], relevance, k)
        broken = _not_finite(e)
        if broken is not None:
            raise InputError(f"encoder.model: the vector of input {broken + 1} of {len(e)} is not finite")
        scores, positions = map(torch.from_numpy, self.index.search(e.numpy(), k))
        if self.null is None or k == 1:
            return scores, positions
        last, absent = torch.arange(k) == k - 1, (positions != self.null).all(-1, keepdim=True)
        return (
            scores.where(~(absent & last), (e @ self.vectors[self.null])[:, None]),
            positions.where(~(absent & last), self.null),
        )

    def _fused(self, e: Tensor, near: Tensor, relevance: Iterable[Tensor], k: int) -> tuple[Tensor, Tensor]:
        """The best k of those that are ``near[queries, any]`` and as many by relevance, by the sum of both scores."""
        scores, positions = [], []
        for one, found, added in zip(e, near, relevance, strict=True):
            pool = torch.tensor(sorted({*found.tolist(), *best(added.numpy(), len(found))}))
            sums = self.vectors[pool] @ one + added[pool]
            order = sums.argsort(descending=True, stable=True)[:k]
            if self.null is not None and k > 1 and self.null not in pool[order]:
                order[-1] = (pool == self.null).nonzero()[0]
            scores.append(sums[order])
            positions.append(pool[order])
        return torch.stack(scores), torch.stack(positions)

    def retrieve(
        self, queries: Tensor, k: int, scale: float, relevance: Iterable[Tensor] | None = None
    ) -> list[list[Retrieved]]:
        """The k best passages of each query with p(h|x) renormalised over them; ``relevance`` as of `search`."""
        scores, positions = self.search(queries, k, relevance)
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

    def save(self, folder: str | Path) -> None:
        """Write passages, vectors, index and manifest as one folder, whole or not at all.

        Raises:
            InputError: something else than an index lies there.
        """
        folder = Path(folder)
        processes.by_first(lambda: self._write(folder))
        self.folder = folder

    def _write(self, folder: Path) -> None:
        with whole(folder, check_place) as temporary:
            temporary.mkdir()
            write_jsonl(temporary / TEXTS, (passage.record() for passage in self.passages))
            save_file({"vectors": self.vectors}, temporary / VECTORS)
            self.index.save(temporary)
            manifest = {
                "format": FORMAT,
                "index": {**as_plain(self.kind), "package": INDEXES.origin(self.kind.name), "facts": dict(self.facts)},
                "passages": len(self),
                "dimensions": self.vectors.shape[1],
                "similarity": self.similarity,
                "encoder": self.fingerprint,
            }
            write_json(temporary / MANIFEST, manifest)
            checksums.seal(temporary / checksums.FILE)

    @classmethod
    def load(cls, folder: str | Path) -> KnowledgeBase:
        """Read what `save` wrote.

        Raises:
            InputError: no such folder, not an index folder, a file that is damaged or of another folder, or a vector
                that is not finite.
        """
        folder = Path(folder)
        sweep(folder.parent)
        for name in _NEEDED:
            if not (folder / name).is_file():
                raise InputError(f"{folder}: not an index folder made by `jsarag index` (no {name})")
        remedy = f"put it back from a copy, or remove {folder} and run `jsarag index` again"
        seal = folder / checksums.FILE
        with checksums.checked(seal, remedy) if seal.is_file() else nullcontext(lambda: None) as settled:
            return cls._read(folder, settled)

    @classmethod
    def _read(cls, folder: Path, settled: Callable[[], None]) -> KnowledgeBase:
        """The parts of an index folder; ``settled`` waits until its files are known to be whole."""
        manifest = read_object(folder / MANIFEST)
        if manifest.get("format") not in READ:
            raise InputError(
                f"{folder / MANIFEST}: expected format {FORMAT}, found {manifest.get('format')}; "
                "run `jsarag index` again"
            )
        if manifest["format"] == FORMAT and not (folder / checksums.FILE).is_file():
            raise InputError(f"{folder / checksums.FILE}: missing; run `jsarag index` again")
        passages = [Passage(**record) for _, record in read_jsonl(folder / TEXTS)]
        vectors = load_file(folder / VECTORS)["vectors"]
        if not len(passages) == len(vectors) == manifest["passages"]:
            raise InputError(f"{folder}: {len(passages)} passages, {len(vectors)} vectors; run `jsarag index` again")
        broken = _not_finite(vectors)
        if broken is not None:
            raise InputError(
                f"{folder / VECTORS}: the vector of passage {passages[broken].id!r} is not finite; "
                "run `jsarag index` again"
            )
        settled()  # a library that reads a damaged index can end the process
        kind = from_plain(manifest["index"])
        index = load_index(folder, vectors.numpy(), kind)
        kb = cls(passages, vectors, index, manifest["encoder"], kind, manifest.get("similarity", "dot"))
        kb.folder, kb.facts = folder, manifest["index"]["facts"]
        return kb
