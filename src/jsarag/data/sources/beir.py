"""A folder in the format of BEIR (Thakur et al. 2021): corpus, queries and relevance judgements."""

from __future__ import annotations

from collections.abc import Iterator

from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import distinct
from jsarag.data.sources.source import SPLITS, Options, Source
from jsarag.types import Example, InputError, Passage


def _passages(files: Files, options: Options) -> Iterator[Passage]:
    for node in files.records("corpus.jsonl"):
        title = node.text("title") if node.has("title") else ""
        yield Passage(node.id("_id"), title, node.text("text"))


def _examples(files: Files, split: str, options: Options) -> Iterator[Example]:
    """BEIR has no answers: the text of the first gold passage stands for one."""
    gold = _gold(files, f"qrels/{split}.tsv")
    first = dict.fromkeys((names[0] for names in gold.values()), "")
    for passage in _passages(files, options):
        if passage.id in first:
            first[passage.id] = passage.text or passage.title
    for node in files.records("queries.jsonl"):
        names = gold.get(node.id("_id"), ())
        if names:
            yield Example(node.id("_id"), node.text("text"), distinct([first[names[0]]]), names)


def _gold(files: Files, name: str) -> dict[str, tuple[str, ...]]:
    """Query id to the ids judged above 0, best first."""
    judged: dict[str, list[tuple[int, str]]] = {}
    for line, (query, passage, score) in files.rows(name, 3):
        if line == 1 and score == "score":
            continue
        try:
            grade = int(score)
        except ValueError:
            raise InputError(f"{files.paths[name]}:{line}: expected a whole number as score, got {score!r}") from None
        if grade > 0:
            judged.setdefault(query, []).append((grade, passage))
    return {
        query: tuple(passage for _, passage in sorted(grades, key=lambda pair: -pair[0]))
        for query, grades in judged.items()
    }


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
    notes=("it has no answers: the text of the first gold passage stands for one; measure retrieval on it",),
    partial=True,
)
