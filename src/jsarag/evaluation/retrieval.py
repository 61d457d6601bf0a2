"""How well prior and posterior find the gold passages."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from jsarag import ranks
from jsarag.evaluation.config import EvaluationConfig
from jsarag.evaluation.sheet import Case, Sheet
from jsarag.metrics import pooled_selection, retrieval_scores, selection_scores
from jsarag.models import Encoder
from jsarag.pipeline import Pipeline
from jsarag.retrieval import KnowledgeBase
from jsarag.types import NULL


def evaluate_retrieval(
    prior: Encoder,
    posterior: Encoder | None,
    kb: KnowledgeBase,
    cases: Sequence[Case],
    cutoffs: Sequence[int],
) -> dict[str, dict[str, list[float]]]:
    """Per-example retrieval scores of prior and posterior on the cases that have gold passages; {} where none has."""
    cases = [case for case in cases if case.example.gold]
    if not cases:
        return {}
    depth = min(max(cutoffs) + 1, len(kb))  # one more: the null passage may have taken the last place
    xs = [case.x for case in cases]
    with torch.inference_mode():
        queries = {"prior": ranks.spread(xs, prior.embed_queries)}
        if posterior is not None:
            queries["posterior"] = ranks.spread(
                cases, lambda some: posterior.embed_pairs([c.x for c in some], [c.example.outputs[0] for c in some])
            )
    gold = [case.example.gold for case in cases]
    return {name: retrieval_scores(_ranking(kb, e, depth), gold, cutoffs) for name, e in queries.items()}


def measure_retrieval(
    sheet: Sheet, pipeline: Pipeline, posterior: Encoder | None, cases: Sequence[Case], config: EvaluationConfig
) -> None:
    """Add the blocks prior, posterior and selection, over the rows that have gold passages.

    selection takes the passages that an answer is given as a set. The null passage is no selection, for it is given
    always; pairs that no other passage helps are left out.
    """
    labelled = [row for row in sheet.rows if row["gold"]]
    for block, scores in evaluate_retrieval(pipeline.prior, posterior, pipeline.kb, cases, config.cutoffs).items():
        sheet.add(block, scores, labelled)
    null = None if pipeline.kb.null is None else NULL
    helped = [row for row in labelled if set(row["gold"]) != {null}]
    if helped:
        selected = [[h["id"] for h in row["passages"] if h["id"] != null] for row in helped]
        gold = [[h for h in row["gold"] if h != null] for row in helped]
        sheet.add("selection", selection_scores(selected, gold), helped)
        sheet.put("selection", pooled_selection(selected, gold, resamples=config.resamples))


def _ranking(kb: KnowledgeBase, queries: Tensor, depth: int) -> list[list[str]]:
    _, positions = kb.search(queries, depth)
    return [[kb.passages[i].id for i in row] for row in positions.tolist()]
