"""How well prior and posterior find the gold passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from jsarag.checks import require
from jsarag.evaluation.config import EvaluationConfig
from jsarag.evaluation.sheet import Case, Sheet
from jsarag.metrics import pooled_selection, retrieval_scores, selection_scores
from jsarag.models import Encoder
from jsarag.pipeline import Pipeline
from jsarag.retriever import Retriever, retrievers
from jsarag.types import NULL, Retrieved


class Ranker(Protocol):
    """Anything that puts the passages of a knowledge base in order for a case."""

    def rank(self, cases: Sequence[Case], depth: int) -> list[list[str]]:
        """Ids of at most ``depth`` passages for each case, best first; those that a case excludes may be among them."""
        ...


@dataclass(frozen=True)
class Dense:
    """The order in which a retriever finds passages."""

    retriever: Retriever

    def rank(self, cases: Sequence[Case], depth: int) -> list[list[str]]:
        """The passages whose vectors are nearest."""
        retriever, kb = self.retriever, self.retriever.kb
        xs = [case.x for case in cases]
        with torch.inference_mode():
            e = retriever.embed(xs, [case.example.outputs[0] for case in cases])
            positions = retriever.search(e, min(depth, len(kb)), relevance=retriever.relevance(xs))
        return [[kb.passages[i].id for i in row] for row in positions.tolist()]


def evaluate_retrieval(
    named: Mapping[str, Retriever | Ranker], cases: Sequence[Case], cutoffs: Sequence[int]
) -> dict[str, dict[str, list[float]]]:
    """Per-example scores of each retriever on the cases that have gold passages; {} where none has.

    Grades count in nDCG. A passage that a case excludes is left out of its ranking, and those below move up.
    """
    cases = [case for case in cases if case.example.gold]
    if not cases:
        return {}
    # One more than asked for: the null passage may have taken the last place.
    depth = max(cutoffs) + 1 + excluded(cases)
    gold = [case.example.relevance for case in cases]
    rankers = {name: Dense(one) if isinstance(one, Retriever) else one for name, one in named.items()}
    return {name: retrieval_scores(rankings(one, cases, depth), gold, cutoffs) for name, one in rankers.items()}


def retrieve(pipeline: Pipeline, cases: Sequence[Case]) -> list[list[Retrieved]]:
    """What `Pipeline.retrieve` gives for each case, without the passages that the case excludes.

    Raises:
        InputError: the knowledge base has too few passages to leave some out.
    """
    xs, more, k = [case.x for case in cases], excluded(cases), pipeline.decoding.passages
    if not more:
        return pipeline.retrieve(xs)
    most = len(pipeline.kb) - more
    require(k <= most, "decoding.passages", f"at most {most}, since pairs exclude up to {more} passages", k)
    # One more than needed: the null passage may have taken the last place.
    found = pipeline.retrieve(xs, min(k + more + 1, len(pipeline.kb)))
    scale = pipeline.prior.scale
    return [_without(hs, case.example.exclude, k, scale) for hs, case in zip(found, cases, strict=True)]


def measure_retrieval(
    sheet: Sheet, pipeline: Pipeline, posterior: Encoder | None, cases: Sequence[Case], config: EvaluationConfig
) -> None:
    """Add the blocks prior, posterior and selection, over the rows that have gold passages.

    selection takes the passages that an answer is given as a set. The null passage is no selection, for it is given
    always; pairs that no other passage helps are left out.
    """
    labelled = [row for row in sheet.rows if row["gold"]]
    both = retrievers(pipeline.prior, posterior, pipeline.kb, pipeline.candidates)
    for block, scores in evaluate_retrieval(both, cases, config.cutoffs).items():
        sheet.add(block, scores, labelled)
    null = None if pipeline.kb.null is None else NULL
    helped = [row for row in labelled if set(row["gold"]) != {null}]
    if helped:
        selected = [[h["id"] for h in row["passages"] if h["id"] != null] for row in helped]
        gold = [[h for h in row["gold"] if h != null] for row in helped]
        sheet.add("selection", selection_scores(selected, gold), helped)
        sheet.put("selection", pooled_selection(selected, gold, resamples=config.resamples))


def excluded(cases: Sequence[Case]) -> int:
    """Most passages that a case excludes."""
    return max((len(case.example.exclude) for case in cases), default=0)


def rankings(ranker: Ranker, cases: Sequence[Case], depth: int) -> list[list[str]]:
    """What the ranker gives for each case, without the passages that the case excludes."""
    return [
        [h for h in row if h not in case.example.exclude]
        for row, case in zip(ranker.rank(cases, depth), cases, strict=True)
    ]


def _without(hs: Sequence[Retrieved], exclude: Sequence[str], k: int, scale: float) -> list[Retrieved]:
    """The best k that are not excluded, p(h|x) renormalised over them; the null passage stays, in the last place."""
    left = [h for h in hs if h.passage.id not in exclude]
    kept = left[:k]
    if k > 1:
        kept[-1:] = next(([h] for h in left[k:] if h.passage.null), kept[-1:])
    # Not from the probabilities, which may have been rounded to 0 beside an excluded passage.
    probabilities = (scale * torch.tensor([h.score for h in kept])).softmax(-1).tolist()
    return [replace(h, probability=p) for h, p in zip(kept, probabilities, strict=True)]
