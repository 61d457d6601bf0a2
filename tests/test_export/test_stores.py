"""Vector stores: what goes in comes out, once; only what jsarag wrote is changed; no password is told."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch

import jsarag
from jsarag.cli.main import main
from jsarag.display import Silent
from jsarag.exporting.stores import STORES, Store, Stored, fill, secretless
from jsarag.exporting.stores import store as write
from jsarag.types import InputError, Passage
from tests.test_export import postgres
from tests.test_export.conftest import Case
from tests.test_export.letters import Letters

PASSAGES = [
    Passage("a/1", "Lamps", "the lamp is red", source="lamps.pdf", page=3, start=10, end=25),
    Passage("ü 2", "", "a boat 'with' quotes; -- and {braces} %s"),
    Passage("null", "", ""),
    *(Passage(f"n{i}", "", f"{'key ' * i}zzz") for i in range(1, 5)),
]
NAMES = ("qdrant", "milvus", "pgvector")


@pytest.fixture(scope="module")
def kb() -> jsarag.KnowledgeBase:
    return jsarag.KnowledgeBase.build(PASSAGES, Letters())


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of a PostgreSQL with pgvector."""
    place = postgres.programs()
    if place is None:
        pytest.skip("no PostgreSQL with pgvector on this machine")
    with postgres.server(place) as address:
        yield address


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store of a test is."""
    if request.param == "pgvector":
        return str(request.getfixturevalue("database"))
    return str(tmp_path / {"qdrant": "qdrant", "milvus": "milvus.db"}[request.param])


EACH = pytest.mark.parametrize(("name", "place"), [(name, name) for name in NAMES], indirect=["place"])


def qdrant(uri: str, collection: str) -> tuple[list[dict[str, Any]], Callable[[list[float], int], list[str]]]:
    from qdrant_client import QdrantClient

    client = QdrantClient(path=uri)
    points, _ = client.scroll(collection, limit=100, with_vectors=True)
    rows = [{**(point.payload or {}), "vector": point.vector} for point in points]
    found = {tuple(q): client.query_points(collection, query=q, limit=6).points for q in map(list, QUERIES)}
    client.close()
    return rows, lambda query, k: [(point.payload or {})["id"] for point in found[tuple(query)][:k]]


def milvus(uri: str, collection: str) -> tuple[list[dict[str, Any]], Callable[[list[float], int], list[str]]]:
    from pymilvus import MilvusClient

    client = MilvusClient(uri)
    client.load_collection(collection)
    rows = client.query(collection, filter="id != ''", output_fields=["*"])
    hits = client.search(collection, data=list(map(list, QUERIES)), limit=6, output_fields=["id"])
    client.close()
    found = {query: [hit["id"] for hit in row] for query, row in zip(QUERIES, hits, strict=True)}
    return [dict(row) for row in rows], lambda query, k: found[tuple(query)][:k]


def pgvector(uri: str, collection: str) -> tuple[list[dict[str, Any]], Callable[[list[float], int], list[str]]]:
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(uri, row_factory=dict_row) as connection:
        rows = connection.execute(f'SELECT *, vector::text AS vector FROM "{collection}"').fetchall()
        order = f'SELECT id FROM "{collection}" ORDER BY vector <#> %s::vector'
        found = {q: [row["id"] for row in connection.execute(order, [str(list(q))])] for q in QUERIES}
    return [{**row, "vector": json.loads(row["vector"])} for row in rows], lambda query, k: found[tuple(query)][:k]


READ = {"qdrant": qdrant, "milvus": milvus, "pgvector": pgvector}
"""How each store's own client reads all rows, and searches."""
QUERIES = [tuple(row) for row in Letters().embed(["red lamp", "a boat", "key key zzz"]).tolist()]


@EACH
def test_what_goes_in_comes_out_and_goes_in_once(name: str, place: str, kb: jsarag.KnowledgeBase) -> None:
    assert write(kb, name, place, "docs", Silent()) == Stored(sent=6, kept=0, removed=0)
    rows, search = READ[name](place, "docs")
    known = {row["id"]: row for row in rows}
    assert known.keys() == {h.id for h in PASSAGES if not h.null}
    for passage, vector in zip(kb.passages, kb.vectors.tolist(), strict=True):
        if not passage.null:
            record = passage.record()
            row = known[passage.id]
            assert {field: row[field] for field in record} == record
            assert not any(row.get(field) for field in ("source", "page", "start", "end") if field not in record)
            assert list(row["vector"]) == vector
    scores, positions = kb.search(torch.tensor(QUERIES), 3)
    for query, wanted, points in zip(QUERIES, positions.tolist(), scores.tolist(), strict=True):
        assert len(set(points)) == 3 or points[0] > points[1]
        assert search(list(query), 1) == [kb.passages[wanted[0]].id]

    assert write(kb, name, place, "docs", Silent()) == Stored(sent=0, kept=6, removed=0)
    changed = [replace(PASSAGES[0], text="the lamp is blue"), *PASSAGES[2:6], Passage("new", "", "new")]
    other = jsarag.KnowledgeBase.build(changed, Letters())
    assert write(other, name, place, "docs", Silent()) == Stored(sent=2, kept=3, removed=2)
    rows, _ = READ[name](place, "docs")
    assert {row["id"]: row["text"] for row in rows} == {h.id: h.text for h in changed if not h.null}


class Stopped(Exception):
    pass


@EACH
def test_a_call_that_was_stopped_is_finished_by_the_next(name: str, place: str, kb: jsarag.KnowledgeBase) -> None:
    kind = STORES[name]
    put = kind.put
    calls: list[int] = []

    def once(self: Store, rows: Sequence[Any]) -> None:
        if calls:
            raise Stopped
        calls.append(len(rows))
        put(self, rows)

    with patch("jsarag.exporting.stores.store.ROWS", 2):
        with patch.object(kind, "put", once), pytest.raises(Stopped):
            write(kb, name, place, "stopped", Silent())
        assert write(kb, name, place, "stopped", Silent()) == Stored(sent=4, kept=2, removed=0)
    assert len(READ[name](place, "stopped")[0]) == 6


@EACH
def test_a_collection_of_somebody_else_is_left_alone(name: str, place: str, kb: jsarag.KnowledgeBase) -> None:
    if name == "qdrant":
        from qdrant_client import QdrantClient, models

        client = QdrantClient(path=place)
        client.create_collection("theirs", vectors_config=models.VectorParams(size=26, distance=models.Distance.DOT))
        client.upsert("theirs", [models.PointStruct(id=1, vector=[1.0] * 26, payload={"id": "theirs"})])
        client.close()
    elif name == "milvus":
        from pymilvus import MilvusClient

        theirs = MilvusClient(place)
        theirs.create_collection("theirs", dimension=26, metric_type="IP")
        theirs.insert("theirs", [{"id": 1, "vector": [1.0] * 26}])
        theirs.close()
    else:
        import psycopg

        with psycopg.connect(place) as connection:
            connection.execute("CREATE TABLE theirs (id text PRIMARY KEY, vector vector(26), jsarag text)")
            connection.execute("INSERT INTO theirs VALUES ('theirs', NULL, NULL)")
    with pytest.raises(InputError, match=r"--collection: theirs is there and was not written by jsarag"):
        write(kb, name, place, "theirs", Silent())
    if name == "pgvector":
        with psycopg.connect(place) as connection:
            assert connection.execute("SELECT id FROM theirs").fetchall() == [("theirs",)]


@EACH
def test_vectors_of_another_length_are_refused(name: str, place: str, kb: jsarag.KnowledgeBase) -> None:
    write(kb, name, place, "lengths", Silent())
    short = jsarag.KnowledgeBase.build(PASSAGES, Letters(8))
    with pytest.raises(InputError, match="lengths holds vectors of 26 numbers, expected 8"):
        write(short, name, place, "lengths", Silent())
    assert len(READ[name](place, "lengths")[0]) == 6


def test_qdrant_in_memory(kb: jsarag.KnowledgeBase) -> None:
    from qdrant_client import QdrantClient

    from jsarag.exporting.stores.qdrant import QdrantStore

    client = QdrantClient(":memory:")
    with QdrantStore(":memory:", "docs", client) as opened:
        assert fill(opened, kb, Silent()).sent == 6
    assert client.count("docs").count == 6
    assert write(kb, "qdrant", ":memory:", "docs", Silent()).sent == 6


def test_the_command_fills_a_store_from_a_run_and_from_its_export(
    cases: dict[str, Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "qdrant")
    for source, sent in ((cases["frozen"].run, 12), (cases["frozen"].export, 0)):
        assert main(["export", str(source), "--to", "qdrant", place, "--collection", "docs"]) == 0
        told = f"qdrant {place}, docs: {sent} passages sent, {12 - sent} were there, 0 removed"
        assert capsys.readouterr().out.splitlines()[-1] == told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("qdrnt", "x"), "--to: expected one of qdrant, pgvector, milvus, got 'qdrnt'"),
        (("qdrant", "http://ada:s3cret@127.0.0.1:9"), "--to: qdrant at http://ada:***@127.0.0.1:9: "),
        (
            ("pgvector", "postgresql://ada:s3cret@127.0.0.1:9/x"),
            "--to: pgvector at postgresql://ada:***@127.0.0.1:9/x: ",
        ),
        (
            ("pgvector", "host=127.0.0.1 port=9 password=s3cret"),
            "--to: pgvector at host=127.0.0.1 port=9 password=***: ",
        ),
        (("pgvector", "postgresql://ada:s3cret@127.0.0.1:9/x?nonsense=1"), "--to: pgvector at postgresql://ada:***@"),
    ],
)
def test_a_store_that_is_not_there_is_one_line_without_its_password(
    words: tuple[str, str], message: str, cases: dict[str, Case], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(cases["frozen"].export), "--to", *words]) == 2
    out, err = capsys.readouterr()
    (line,) = [line for line in err.splitlines() if line.startswith("jsarag: ")]
    assert message in line
    assert "s3cret" not in out + err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ada:p%40ss@host/db", "postgresql://ada:***@host/db"),
        ("http://host:6333?api_key=abc&x=1", "http://host:6333?api_key=***&x=1"),
        ("host=h password='a b' user=u", "host=h password=*** user=u"),
        ("http://user@host/db", "http://user@host/db"),
        ("/a/folder:with@signs", "/a/folder:with@signs"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    assert secretless(text) == shown
    assert secretless("no way to http://host for p@ss", "http://ada:p%40ss@host") == "no way to http://host for ***"


@pytest.mark.parametrize(
    ("name", "package"), [("qdrant", "qdrant_client"), ("milvus", "pymilvus"), ("pgvector", "psycopg")]
)
def test_a_store_without_its_package_says_what_to_install(name: str, package: str, kb: jsarag.KnowledgeBase) -> None:
    load = builtins.__import__

    def refused(module: str, *rest: Any) -> Any:
        if module.partition(".")[0] == package:
            raise ImportError(module)
        return load(module, *rest)

    with patch("builtins.__import__", refused), pytest.raises(InputError, match=rf'pip install "jsarag\[{name}\]"'):
        write(kb, name, "x", "docs", Silent())


def test_texts_that_a_store_does_not_take_are_told_before_anything_is_written(tmp_path: Path) -> None:
    long = jsarag.KnowledgeBase.build([Passage("1", "", "a" * 70_000)], Letters())
    with pytest.raises(InputError, match=r"milvus takes texts of 65,535 bytes, passage '1' has more"):
        write(long, "milvus", str(tmp_path / "m.db"), "docs", Silent())
