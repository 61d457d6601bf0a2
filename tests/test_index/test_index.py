"""Every kind of index against a plain matrix product, from memory and from its folder; the choice and its refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jsarag.index import (
    HNSW,
    INDEXES,
    IVF,
    IVFPQ,
    Auto,
    Flat,
    Index,
    IndexConfig,
    Kind,
    Milvus,
    Room,
    Torch,
    as_plain,
    from_plain,
    plan,
)
from jsarag.index.approximate import Approximate, probes
from jsarag.index.exact import ExactIndex
from jsarag.index.index import Positions, Vectors
from jsarag.index.milvus import connect
from jsarag.types import InputError

GB = 10**9
APPROXIMATE = (HNSW, IVF, IVFPQ)


def clustered(count: int, dimensions: int = 32, seed: int = 0) -> Vectors:
    """Vectors of length 1 around a few centres, as texts of a few topics have them."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((20, dimensions), dtype=np.float32)
    found = centres[rng.integers(20, size=count)] + 0.7 * rng.standard_normal((count, dimensions), dtype=np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def truth(queries: Vectors, vectors: Vectors, k: int) -> tuple[Vectors, Positions]:
    scores = queries @ vectors.T
    order = np.argsort(-scores, axis=1)[:, :k]
    return np.take_along_axis(scores, order, 1), order


def recall(found: Positions, wanted: Positions) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), wanted.tolist(), strict=True)]))


def made(name: str, folder: Path) -> Kind:
    """A kind with usual settings."""
    return Milvus(uri=str(folder / "milvus.db")) if name == "milvus" else INDEXES[name]()


def saved_and_loaded(kind: Kind, index: Index, vectors: Vectors, folder: Path) -> Index:
    folder.mkdir()
    index.save(folder)
    return kind.load(folder, vectors)


@pytest.mark.parametrize("name", INDEXES)
def test_every_kind_finds_what_it_promises_and_scores_it_exactly(name: str, tmp_path: Path) -> None:
    kind = made(name, tmp_path)
    everything = clustered(3200)
    vectors, queries = everything[:3000], probes(everything[3000:])
    index = kind.build(vectors)
    exact = isinstance(index, ExactIndex)
    assert exact == (kind.exact or name == "auto")
    wanted_scores, wanted = truth(queries, vectors, 20)
    for found in (index, saved_and_loaded(kind, index, vectors, tmp_path / "kept")):
        scores, positions = found.search(queries, 20)
        assert positions.shape == scores.shape == (200, 20)
        assert scores.dtype == np.float32
        # Probes of the same kind, but not those it was tuned on: a little is allowed for chance.
        assert recall(positions, wanted) >= (1.0 if exact else 0.93)
        assert (np.diff(scores, axis=1) <= 1e-6).all()
        np.testing.assert_allclose(scores, np.einsum("qd,qkd->qk", queries, vectors[positions]), atol=1e-5)
        if exact:
            np.testing.assert_allclose(scores, wanted_scores, atol=1e-5)


@pytest.mark.parametrize("name", INDEXES)
@pytest.mark.parametrize("count", [1, 3, 50])
def test_every_kind_takes_a_handful_of_passages_and_gives_all_of_them(name: str, count: int, tmp_path: Path) -> None:
    vectors = clustered(count, 8)
    index = made(name, tmp_path).build(vectors)
    _, positions = index.search(clustered(5, 8, seed=1), count)
    assert np.sort(positions, axis=1).tolist() == [list(range(count))] * 5


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_a_higher_recall_is_reached_by_searching_more_widely(kind: type[Approximate]) -> None:
    vectors = clustered(3000)
    low, high = (kind(recall=wanted).build(vectors).facts for wanted in (0.3, 0.99))
    assert low["recall@20"] >= 0.3
    assert high["recall@20"] >= 0.99
    assert low["width"] < high["width"]


def test_torch_merges_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jsarag.index.torch_exact.BLOCK", 7)
    vectors, queries = clustered(100), clustered(5, seed=1)
    _, positions = Torch().build(vectors).search(queries, 20)
    assert positions.tolist() == truth(queries, vectors, 20)[1].tolist()


def test_milvus_moves_its_alias_keeps_the_collection_before_and_fills_again_what_is_gone(tmp_path: Path) -> None:
    kind = Milvus(uri=str(tmp_path / "milvus.db"))
    worlds = [clustered(60, 8, seed) for seed in range(3)]
    indexes = [kind.build(vectors) for vectors in worlds]
    for i, (index, vectors) in enumerate(zip(indexes, worlds, strict=True)):
        (tmp_path / str(i)).mkdir()
        index.save(tmp_path / str(i))
        queries = clustered(4, 8, seed=9)
        if i:
            connect(kind.uri).release_collection(index.facts["collection"])  # as another process finds it
        # The first collection was dropped when the third was made; it comes back from the vectors.
        again = kind.load(tmp_path / str(i), vectors)
        assert again.search(queries, 5)[1].tolist() == truth(queries, vectors, 5)[1].tolist()
    client = connect(kind.uri)
    assert client.describe_alias("jsarag")["collection_name"] == indexes[2].facts["collection"]


def test_milvus_that_is_not_there_or_a_taken_name_is_one_clear_line(tmp_path: Path) -> None:
    vectors = clustered(10, 8)
    with pytest.raises(InputError, match=r"index.uri: no Milvus at http://127.0.0.1:9"):
        Milvus(uri="http://127.0.0.1:9").build(vectors)
    kind = Milvus(uri=str(tmp_path / "milvus.db"))
    connect(kind.uri).create_collection("jsarag", dimension=8)
    with pytest.raises(InputError, match=r"index.collection: jsarag is a collection, not an alias"):
        kind.build(vectors)


def test_the_choice_follows_size_and_room() -> None:
    ample = Room(64 * GB, 500 * GB)
    assert plan(1_000, 384, Auto(), ample).kind == Flat()
    assert plan(1_000_000, 384, Auto(), ample).kind == IVF()
    assert plan(1_000_000, 384, Auto(), Room(1 * GB, 500 * GB)).kind == IVFPQ()
    assert plan(1_000_000, 384, Auto(), Room(64 * GB, 500 * GB, device=80 * GB)).kind == Torch()
    assert plan(21_000_000, 768, Auto(), Room(16 * GB, 200 * GB)).kind == IVFPQ()
    assert plan(1_000, 384, HNSW(), ample).kind == HNSW()
    assert "exact, up to 200,000 passages" in str(plan(1_000, 384, Auto(), ample))


def test_what_cannot_fit_is_refused_with_what_would() -> None:
    with pytest.raises(InputError, match=r"index.kind: index ivf, .* do not fit into 1.0 GB of free memory.*ivf-pq"):
        plan(1_000_000, 384, IVF(), Room(1 * GB, 100 * GB))
    with pytest.raises(InputError, match=r"21,000,000 passages of 768 dimensions do not fit .* 10.0 GB of free disk"):
        plan(21_000_000, 768, Auto(), Room(64 * GB, 10 * GB))


def test_settings_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(InputError, match=r"index.uri: expected the address"):
        IndexConfig("milvus")
    with pytest.raises(InputError, match=r"index.kind: expected one of auto, flat, torch"):
        IndexConfig("annoy")
    with pytest.raises(InputError, match=r"index.collection: expected letters"):
        Milvus(uri="x.db", collection="a-b")


def test_what_a_manifest_says_of_a_kind_makes_it_again() -> None:
    for kind in (Auto(0.9), Flat(), Torch(), HNSW(0.8), IVF(), IVFPQ(), Milvus("x.db", "other")):
        assert from_plain(as_plain(kind)) == kind
    # As release 0.1 wrote it: the settings of all kinds.
    assert from_plain({"kind": "flat", "recall": 0.9, "uri": None, "collection": "jsarag", "facts": {}}) == Flat()
