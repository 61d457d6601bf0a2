"""A folder in the format of BEIR (Thakur et al. 2021): corpus, queries and relevance judgements."""

from __future__ import annotations

from collections.abc import Iterator

from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import distinct
from jsarag.data.sources.source import SPLITS, Options, Source
from jsarag.types import Example, InputError, Passage, judged


def _passages(files: Files, options: Options) -> Iterator[Passage]:
    for node in files.records("corpus.jsonl"):
        title = node.text("title") if node.has("title") else ""
        yield Passage(node.id("_id"), title, node.text("text"))


def _examples(files: Files, split: str, options: Options) -> Iterator[Example]:
    """BEIR has no answers: the text of the best gold passage stands for one.

    A passage with the query's id is the query itself, as in ArguAna and Quora: BEIR's evaluation leaves it out of every
    ranking. It is excluded, unless it is judged to be relevant.
    """
    marks = {query: judged(grades) for query, grades in _grades(files, f"qrels/{split}.tsv").items()}
    best = dict.fromkeys((gold[0] for gold, _ in marks.values() if gold), "")
    own = set()
    for passage in _passages(files, options):
        if passage.id in best:
            best[passage.id] = passage.text or passage.title
        if passage.id in marks:
            own.add(passage.id)
    for node in files.records("queries.jsonl"):
        name = node.id("_id")
        gold, grades = marks.get(name, ((), ()))
        if gold:
            itself = (name,) if name in own and name not in gold else ()
            output = distinct([best[gold[0]]])
            yield Example(name, node.text("text"), output, gold, grades=grades, exclude=itself)


def _grades(files: Files, name: str) -> dict[str, dict[str, int]]:
    """Query id to passage id to grade."""
    grades: dict[str, dict[str, int]] = {}
    for line, (query, passage, score) in files.rows(name, 3):
        if line == 1 and score == "score":
            continue
        try:
            grades.setdefault(query, {})[passage] = int(score)
        except ValueError:
            raise InputError(f"{files.paths[name]}:{line}: expected a whole number as score, got {score!r}") from None
    return grades


_URL = "https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/"

BEIR = Source(
    name="beir",
    title="BEIR (Thakur et al. 2021): any folder in its format",
    task="retrieval",
    size="see https://github.com/beir-cellar/beir",
    licence="that of each set",
    recipe="beir",
    files=(
        File("corpus.jsonl", _URL),
        File("queries.jsonl", _URL),
        *(File(f"qrels/{split}.tsv", _URL, (split,)) for split in SPLITS),
    ),
    splits=SPLITS,
    passages=_passages,
    examples=_examples,
    passage_files=("corpus.jsonl",),
    notes=(
        "it has no answers: the text of the best gold passage stands for one; measure retrieval on it",
        "a passage with the id of a query is left out of that query's ranking, as in BEIR's evaluation",
    ),
    partial=True,
)
