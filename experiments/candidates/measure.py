"""What untrained models find on a set of data with passage labels, with BM25 and without; writes two JSON files.

``coverage``: of training pairs, the share without a right passage among the candidates C. ``retrieval``: of test pairs,
hit@1, hit@5 and MRR@10 of the prior, of BM25 and of both together.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import jsarag
from jsarag.data import HistoryConfig, as_examples, load_passages, render
from jsarag.files import read_jsonl, write_json
from jsarag.kb import CandidateConfig
from jsarag.metrics import retrieval_scores
from jsarag.retriever import Retriever

DEPTH = 100
"""Passages of each ranking that reciprocal rank fusion reads."""
WEIGHTS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04)


def main() -> None:
    """Measure one set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="Folder with passages.jsonl, train.jsonl and test.jsonl.")
    parser.add_argument("--index", type=Path, help="Index of the passages; default: they are encoded.")
    parser.add_argument("--train", type=int, default=500, help="Training pairs, drawn at random.")
    parser.add_argument("--test", type=int, default=500, help="Test pairs, drawn at random.")
    parser.add_argument("--out", type=Path, required=True, help="Folder for the JSON files.")
    values = parser.parse_args()
    encoder = jsarag.load_encoder()
    passages = load_passages(values.data / "passages.jsonl")
    if values.index:
        kb = jsarag.KnowledgeBase.load(values.index)
        kb.check_encoder(encoder, str(values.index))
    else:
        kb = jsarag.KnowledgeBase.build(passages, encoder, "flat")
    values.out.mkdir(parents=True, exist_ok=True)
    for name, measure in (("retrieval", retrieval), ("coverage", coverage)):
        file = {"retrieval": "test", "coverage": "train"}[name]
        pairs = _drawn(_pairs(values.data / f"{file}.jsonl"), getattr(values, file))
        found = measure(kb, encoder, pairs)
        write_json(values.out / f"{values.data.name}-{name}.json", {"pairs": len(pairs), "rows": found})
        for row in found:
            print(values.data.name, row, flush=True)


def coverage(
    kb: jsarag.KnowledgeBase, encoder: jsarag.Encoder, pairs: Sequence[jsarag.Example]
) -> list[dict[str, Any]]:
    """Of pairs, the mean size of C and the share in percent that has no right passage in it, by how C is made."""
    xs, ys = _texts(pairs)
    rows = []
    two = [Retriever(encoder, kb), Retriever(encoder, kb, reads_y=True)]
    with torch.inference_mode():
        es = [one.embed(xs, ys) for one in two]
    for k in (5, 8, 10, 15, 20):
        dense = [one.search(e, k).tolist() for one, e in zip(two, es, strict=True)]
        ways: dict[str, list[list[list[int]]]] = {"": dense}
        if k in (5, 10):
            for reads in ("x", "xy", "y"):
                (found,) = CandidateConfig("bm25", k, reads).propose(kb, xs, ys, k, [()] * len(xs))
                ways[f"bm25 of {reads}"] = [*dense, found.tolist()]
        for name, lists in ways.items():
            sets = [{i for row in found for i in row if i >= 0} for found in zip(*lists, strict=True)]
            without = [not any(kb.position[h] in c for h in pair.gold) for c, pair in zip(sets, pairs, strict=True)]
            size, missed = float(np.mean([len(c) for c in sets])), 100 * float(np.mean(without))
            rows.append({"k": k, "added": name, "candidates": round(size, 1), "without": round(missed, 1)})
    return rows


def retrieval(
    kb: jsarag.KnowledgeBase, encoder: jsarag.Encoder, pairs: Sequence[jsarag.Example]
) -> list[dict[str, Any]]:
    """Means in percent by way of retrieval."""
    xs, _ = _texts(pairs)
    prior = Retriever(encoder, kb)
    with torch.inference_mode():
        e = prior.embed(xs)
    depth = min(DEPTH, len(kb))
    dense = prior.search(e, depth).tolist()
    (words,) = CandidateConfig("bm25", depth, "x").propose(kb, xs, xs, depth, [()] * len(xs))
    lexical = [[i for i in row if i >= 0] for row in words.tolist()]
    ways = {"prior": dense, "bm25": lexical, "rrf": [_rrf(a, b) for a, b in zip(dense, lexical, strict=True)]}
    for weight in WEIGHTS:
        mixed = Retriever(encoder, kb, candidates=CandidateConfig("bm25", weight=weight))
        ways[f"weight {weight}"] = mixed.search(e, 10, relevance=mixed.relevance(xs)).tolist()
    gold = [dict.fromkeys(pair.gold, 1) for pair in pairs]
    rows = []
    for name, found in ways.items():
        scores = retrieval_scores([[kb.passages[i].id for i in row[:10]] for row in found], gold, (1, 5, 10))
        means = {metric: round(100 * float(np.mean(scores[metric])), 1) for metric in ("hit@1", "hit@5", "mrr@10")}
        rows.append({"way": name, **means})
    return rows


def _rrf(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """Reciprocal rank fusion of two rankings (Cormack et al. 2009, constant 60)."""
    sums: dict[int, float] = {}
    for ranking in (one, other):
        for rank, i in enumerate(ranking, 1):
            sums[i] = sums.get(i, 0.0) + 1 / (60 + rank)
    return sorted(sums, key=lambda i: (-sums[i], i))


def _texts(pairs: Sequence[jsarag.Example]) -> tuple[list[str], list[str]]:
    return [render(pair, HistoryConfig()) for pair in pairs], [pair.outputs[0] for pair in pairs]


def _pairs(file: Path) -> list[jsarag.Example]:
    """Those with an answer and a right passage."""
    rows = [row for _, row in read_jsonl(file) if any(row["outputs"]) and row["gold"]]
    return as_examples([{**row, "outputs": list(filter(None, row["outputs"]))} for row in rows])


def _drawn(pairs: Sequence[jsarag.Example], count: int) -> list[jsarag.Example]:
    if len(pairs) <= count:
        return list(pairs)
    chosen = np.random.default_rng(0).choice(len(pairs), count, replace=False)
    return [pairs[i] for i in sorted(chosen)]


if __name__ == "__main__":
    main()
