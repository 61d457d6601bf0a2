"""How many questions of other data sets a threshold declines that keeps 95 of 100 questions of its own.

    python experiments/abstention/measure.py --data DATA/open-squad --data DATA/doqa --json table.json

Each set's dev pairs choose its threshold; its test pairs and the other sets' test questions are then asked. A last
column takes each test question's gold passages away: the documents no longer answer the question, and its neighbours
in the same field remain.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch

import jsarag
from jsarag.data import HistoryConfig, as_examples, load_passages, render
from jsarag.evaluation import Case, measure_abstention
from jsarag.pipeline import Pipeline, evidence
from jsarag.types import Example

DEEP = 60
"""Passages looked at where gold ones are taken away."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", type=Path, required=True, help="folder of a set; several")
    parser.add_argument("--run", action="append", default=[], help="NAME=RUN: the trained run of the set NAME")
    parser.add_argument("--lost", type=float, default=0.05, help="share of a set's dev pairs that may be declined")
    parser.add_argument("--limit", type=int, default=1000, help="test questions of a set")
    parser.add_argument("--json", type=Path, help="file to write")
    given = parser.parse_args()
    runs = dict(pair.split("=", 1) for pair in given.run)
    encoder = jsarag.load_encoder()
    tests = {folder.name: _examples(folder / "test.jsonl")[: given.limit] for folder in given.data}
    rows = []
    for folder in given.data:
        name, kinds = folder.name, ["untrained"]
        passages = load_passages(folder / "passages.jsonl")
        pipelines = [_pipeline(encoder, passages)]
        if name in runs:
            trained = jsarag.Run.load(runs[name], always=True).pipeline
            pipelines, kinds = [*pipelines, trained], [*kinds, "trained"]
        for kind, pipeline in zip(kinds, pipelines, strict=True):
            rows.append({"set": name, "retriever": kind, **_measured(pipeline, folder, tests, given.lost)})
            print(json.dumps(rows[-1]), flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


def _pipeline(encoder: jsarag.models.SentenceEncoder, passages: list[jsarag.Passage]) -> Pipeline:
    return Pipeline(encoder, jsarag.KnowledgeBase.build(passages, encoder), None)  # type: ignore[arg-type]


def _examples(path: Path) -> list[Example]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    return as_examples([row for row in rows if any(y.strip() for y in row["outputs"])])


def _measured(pipeline: Pipeline, folder: Path, tests: dict[str, list[Example]], lost: float) -> dict[str, object]:
    found = measure_abstention(pipeline, _cases(_examples(folder / "dev.jsonl")), lost)
    assert found is not None
    careful = replace(pipeline, least=found["threshold"])
    own = tests[folder.name]
    others = {name: _declined(careful, asked) for name, asked in tests.items() if name != folder.name}
    with torch.inference_mode():
        deep = pipeline.retrieve([case.x for case in _cases(own)], min(DEEP, len(pipeline.kb)))
    robbed = [[h for h in hs if h.passage.id not in e.gold] for e, hs in zip(own, deep, strict=True) if e.gold]
    without = sum(evidence(hs, pipeline.prior.scale) < found["threshold"] for hs in robbed) / max(len(robbed), 1)
    return {
        "threshold": found["threshold"],
        "coverage_dev": found["coverage"],
        "precision": found["precision"],
        "precision_of_all": found["precision_of_all"],
        "coverage_test": 1 - _declined(careful, own),
        "declined_of": others,
        "declined_without_gold": without,
        "curve": found["curve"],
    }


def _cases(examples: list[Example]) -> list[Case]:
    return [Case(example, render(example, HistoryConfig())) for example in examples]


def _declined(pipeline: Pipeline, examples: list[Example]) -> float:
    found = pipeline.retrieve([case.x for case in _cases(examples)])
    return sum(pipeline.declines(hs) for hs in found) / len(found)


if __name__ == "__main__":
    main()
