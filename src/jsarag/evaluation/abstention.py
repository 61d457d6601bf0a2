"""The evidence below which a run declines to answer, chosen on pairs that its documents answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from jsarag.evaluation.retrieval import retrieve
from jsarag.evaluation.sheet import Case
from jsarag.metrics import attribution_scores
from jsarag.metrics.abstention import abstention_curve, point_at, threshold_at
from jsarag.pipeline import Pipeline, evidence
from jsarag.types import Retrieved

LEAST = 20
"""Pairs below which no threshold is chosen: it would rest on one of them."""


def measure_abstention(pipeline: Pipeline, cases: Sequence[Case], lost: float) -> dict[str, Any] | None:
    """Choose the least evidence with which a question is answered, and say what it does on these cases.

    A question counts as right where one of the passages that the decoder is given is a gold one, or, in a case without
    gold passages, holds an accepted answer. That needs no answer to be generated.

    Args:
        pipeline: The models that answer.
        cases: Pairs that the documents answer, other than those of training.
        lost: Share of them that may be declined.

    Returns:
        ``threshold``, ``coverage`` and ``precision`` with it, ``precision_of_all`` without, the number of
        ``questions``, and the ``curve``; None where there are fewer than `LEAST` cases.
    """
    if len(cases) < LEAST:
        return None
    found = retrieve(pipeline, cases)
    values = [evidence(hs, pipeline.prior.scale) for hs in found]
    right = _held(cases, found)
    chosen = point_at(values, right, threshold_at(values, lost))
    return {
        **asdict(chosen),
        "precision_of_all": sum(right) / len(right),
        "questions": len(cases),
        "curve": [asdict(point) for point in abstention_curve(values, right)],
    }


def _held(cases: Sequence[Case], found: Sequence[Sequence[Retrieved]]) -> list[bool]:
    passages = [[h.passage for h in hs] for hs in found]
    references = [case.example.outputs for case in cases]
    standing = attribution_scores([""] * len(cases), references, passages)["reference_in_passages"]
    return [
        any(h.id in case.example.gold for h in hs) if case.example.gold else bool(stands)
        for case, hs, stands in zip(cases, passages, standing, strict=True)
    ]
