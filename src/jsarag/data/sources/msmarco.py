"""MS MARCO (Bajaj et al. 2016): answers to Bing queries, over the collection or the passages of the QA files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import Node, distinct
from jsarag.data.sources.source import NO_ANSWER, Options, Source
from jsarag.types import Example, InputError, Passage

UNANSWERED = "No Answer Present."

_RANKED = {
    ("queries", "train"): "queries.train.tsv",
    ("qrels", "train"): "qrels.train.tsv",
    ("queries", "dev"): "queries.dev.small.tsv",
    ("qrels", "dev"): "qrels.dev.small.tsv",
}
"""Files of the ranking task; the small dev set is the one that papers report."""
_LINES = {"collection.tsv": 8_841_823, "queries.train.tsv": 808_731, "queries.dev.small.tsv": 6_980}


@dataclass
class _Query:
    """What the QA files say of one query."""

    id: str = ""
    text: str = ""
    answers: tuple[str, ...] = ()
    gold: tuple[str, ...] = ()
    passages: list[Passage] = field(default_factory=list)


def _ranking(files: Files, split: str, options: Options) -> Iterator[Example]:
    """Queries and gold passages of the ranking task, answers of the QA task: both have the same query ids."""
    answers = {query.id: query.answers for query in _columns(files, f"{split}_v2.1.json", passages=False)}
    gold: dict[str, tuple[str, ...]] = {}
    for line, (query, _, passage, relevance) in files.rows(_RANKED["qrels", split], 4):
        if relevance not in ("0", "1"):
            where = f"{files.paths[_RANKED['qrels', split]]}:{line}"
            raise InputError(f"{where}: expected relevance 0 or 1, got {relevance!r}")
        if relevance == "1":
            gold[query] = (*gold.get(query, ()), passage)
    for _, (query, text) in files.rows(_RANKED["queries", split], 2):
        outputs = _answers(answers.get(query, ()), options)
        if outputs:
            yield Example(query, text, outputs, gold.get(query, ()))


def _collection(files: Files, options: Options) -> Iterator[Passage]:
    for _, (name, text) in files.rows("collection.tsv", 2):
        yield Passage(name, "", text)


def _qa(files: Files, split: str, options: Options) -> Iterator[Example]:
    for query in _queries(files, split, passages=False):
        outputs = _answers(query.answers, options)
        if outputs:
            yield Example(query.id, query.text, outputs, query.gold)


def _qa_passages(files: Files, options: Options) -> Iterator[Passage]:
    """Each distinct text once; of the texts before it only a 64-bit hash is held."""
    seen: set[str] = set()
    for split in ("train", "dev"):
        if any(files.has(f"{split}_{version}.json") for version in ("v2.1", "v1.1")):
            for query in _queries(files, split, passages=True):
                for passage in query.passages:
                    if passage.id not in seen:
                        seen.add(passage.id)
                        yield passage


def _queries(files: Files, split: str, *, passages: bool) -> Iterator[_Query]:
    if files.has(f"{split}_v1.1.json"):
        return _lines(files, f"{split}_v1.1.json", passages=passages)
    return _columns(files, f"{split}_v2.1.json", passages=passages)


def _lines(files: Files, name: str, *, passages: bool) -> Iterator[_Query]:
    """v1.1: a query a line."""
    for node in files.records(name):
        query = _Query(node.id("query_id"), node.text("query"), node.texts("answers"))
        _add_passages(query, node.child("passages"), passages=passages)
        yield query


def _columns(files: Files, name: str, *, passages: bool) -> Iterator[_Query]:
    """v2.1: one object of columns, each an object by row. Passages are given as they are met, the rest at the end."""
    rows: dict[str, _Query] = {}
    for member, node in files.members(name):
        if member.key == "passages":
            query = _Query() if passages else rows.setdefault(member.name, _Query())
            _add_passages(query, node, passages=passages)
            if passages:
                yield query
        elif passages:
            continue
        elif member.key == "answers":
            rows.setdefault(member.name, _Query()).answers = distinct(a.as_text() for a in node.items())
        elif member.key == "query":
            rows.setdefault(member.name, _Query()).text = node.as_text()
        elif member.key == "query_id":
            rows.setdefault(member.name, _Query()).id = node.as_id()
    for row, query in rows.items():
        if not query.id:
            raise InputError(f"{files.paths[name]}: row {row!r} has no query_id")
        yield query


def _add_passages(query: _Query, node: Node, *, passages: bool) -> None:
    gold = []
    for passage in node.items():
        text = passage.text("passage_text")
        name = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        if passages:
            query.passages.append(Passage(name, "", text))
        elif passage.has("is_selected") and passage.child("is_selected").value == 1:
            gold.append(name)
    query.gold = distinct(gold)


def _answers(answers: tuple[str, ...], options: Options) -> tuple[str, ...]:
    """The answers, () for a query to leave out."""
    given = tuple(answer for answer in answers if answer != UNANSWERED)
    if given or options.unanswerable == "leave" or not answers:
        return given
    return (NO_ANSWER,)


_AZURE = "https://msmarco.z22.web.core.windows.net"
_RANKING = f"{_AZURE}/msmarcoranking/collectionandqueries.tar.gz"
_LICENCE = "MS MARCO terms: non-commercial research"


def _qa_file(split: str) -> File:
    return File(f"{split}_v2.1.json", f"{_AZURE}/msmarco/{split}_v2.1.json.gz", (split,))


def _ranking_file(kind: str, split: str) -> File:
    name = _RANKED[kind, split]
    others = (f"{kind}.{split}.tsv",) if split == "dev" else ()
    return File(name, _RANKING, (split,), others=others, lines=_LINES)


MSMARCO = Source(
    name="msmarco",
    title="MS MARCO (Bajaj et al. 2016): answers of QA v2.1 over the passage ranking collection",
    task="open-domain QA",
    size="808,731 / 6,980 queries, not all with an answer; 8,841,823 passages",
    licence=_LICENCE,
    recipe="msmarco",
    files=(
        File("collection.tsv", _RANKING, lines=_LINES),
        *(_ranking_file(kind, split) for kind, split in _RANKED),
        _qa_file("train"),
        _qa_file("dev"),
    ),
    splits=("train", "dev"),
    passages=_collection,
    examples=_ranking,
    passage_files=("collection.tsv",),
    takes=frozenset({"unanswerable"}),
    notes=("collectionandqueries.tar.gz has md5 31644046b18952c1386cd4564ba2ae69",),
)

MSMARCO_QA = Source(
    name="msmarco-qa",
    title="MS MARCO QA v2.1 (Bajaj et al. 2016), over the ten passages of every query",
    task="open-domain QA",
    size="808,731 / 101,093 queries, not all with an answer",
    licence=_LICENCE,
    recipe="msmarco",
    files=(_qa_file("train"), _qa_file("dev")),
    splits=("train", "dev"),
    passages=_qa_passages,
    examples=_qa,
    passage_files=("train_v2.1.json", "dev_v2.1.json"),
    takes=frozenset({"unanswerable"}),
    notes=("a passage's id is a hash of its text; gold is what the annotator selected",),
)

MSMARCO_QA_V1 = Source(
    name="msmarco-qa-v1",
    title="MS MARCO QA v1.1 (Nguyen et al. 2016), over the ten passages of every query",
    task="open-domain QA",
    size="some 82,000 / 10,000 queries",
    licence=_LICENCE,
    recipe="msmarco",
    files=tuple(
        File(f"{split}_v1.1.json", f"{_AZURE}/msmsarcov1/{split}_v1.1.json.gz", (split,)) for split in ("train", "dev")
    ),
    splits=("train", "dev"),
    passages=_qa_passages,
    examples=_qa,
    passage_files=("train_v1.1.json", "dev_v1.1.json"),
    takes=frozenset({"unanswerable"}),
    notes=("a passage's id is a hash of its text; gold is what the annotator selected",),
)
