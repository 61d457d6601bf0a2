"""The pipeline over a data set: retrieval of prior and posterior, answers, closed-book answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from jsarag import ranks
from jsarag.config import positive, require
from jsarag.display import Display
from jsarag.metrics import answer_scores, corpus_bleu, interval, retrieval_scores
from jsarag.models import Encoder, Pair
from jsarag.pipeline import DecodingConfig, Pipeline
from jsarag.retrieval import KnowledgeBase
from jsarag.types import Example, Retrieved

Block = dict[str, dict[str, float]]
"""Metric name to its mean, low and high."""


@dataclass(frozen=True)
class EvaluationConfig:
    """What is measured.

    Attributes:
        cutoffs: The k of hit@k, recall@k, mrr@k and ndcg@k.
        before: Also measure the models as they are before training.
        answers: Also generate and judge answers.
        closed_book: Also judge answers given without any passage.
        limit: Judge answers on the first so many examples only; null: on all. Retrieval is always measured on all.
        resamples: Bootstrap resamples behind each interval.
        decoding: How answers are made.
    """

    cutoffs: tuple[int, ...] = (1, 5, 10, 20)
    before: bool = True
    answers: bool = True
    closed_book: bool = True
    limit: int | None = None
    resamples: int = 1000
    decoding: DecodingConfig = field(default_factory=DecodingConfig)

    def __post_init__(self) -> None:
        valid = bool(self.cutoffs) and all(k > 0 for k in self.cutoffs)
        require(valid, "evaluation.cutoffs", "numbers above 0", self.cutoffs)
        positive("evaluation.resamples", self.resamples)
        require(self.limit is None or self.limit > 0, "evaluation.limit", "a number above 0 or null", self.limit)


@dataclass(frozen=True)
class Case:
    """An example with its rendered input x."""

    example: Example
    x: str


@dataclass(frozen=True)
class Evaluation:
    """Figures by block (prior, posterior, answers, closed_book); a row an example with its own, as ``block/metric``."""

    summary: dict[str, Block]
    rows: list[dict[str, Any]]


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
    depth = min(max(cutoffs), len(kb))
    xs = [case.x for case in cases]
    with torch.inference_mode():
        queries = {"prior": ranks.spread(xs, prior.embed_queries)}
        if posterior is not None:
            queries["posterior"] = ranks.spread(
                cases, lambda some: posterior.embed_pairs([c.x for c in some], [c.example.outputs[0] for c in some])
            )
    gold = [case.example.gold for case in cases]
    return {name: retrieval_scores(_ranking(kb, e, depth), gold, cutoffs) for name, e in queries.items()}


def evaluate(
    pipeline: Pipeline,
    posterior: Encoder | None,
    cases: Sequence[Case],
    config: EvaluationConfig,
    display: Display,
    name: str = "evaluation",
) -> Evaluation:
    """Measure everything ``config`` asks for.

    Args:
        pipeline: The models that answer; its decoding is used.
        posterior: The posterior retriever, where there is one to measure.
        cases: Examples with outputs; those without gold count for answers only.
        config: What to measure.
        display: Shown progress.
        name: What the progress calls this evaluation.
    """
    retrieval = evaluate_retrieval(pipeline.prior, posterior, pipeline.kb, cases, config.cutoffs)
    summary = {block: _block(scores, config) for block, scores in retrieval.items()}
    retrieved = pipeline.retrieve([case.x for case in cases])
    rows = [_row(case.example, hs) for case, hs in zip(cases, retrieved, strict=True)]
    labelled = [row for row in rows if row["gold"]]
    for block, values in retrieval.items():
        _add(labelled, block, values)
    judged = cases[: config.limit]
    references = [case.example.outputs for case in judged]
    xs = [case.x for case in judged]
    if config.answers:
        generations = len(xs) * config.decoding.generations
        with display.task(f"{name}: answers", generations) as advance:
            answers = pipeline.answer(xs, retrieved[: len(xs)], lambda done: advance(done, ""))
        texts = [answer.text for answer in answers]
        scores = answer_scores(texts, references)
        bleu = corpus_bleu(texts, references)
        summary["answers"] = _block(scores, config) | {metric: asdict(value) for metric, value in bleu.items()}
        for row, text in zip(rows, texts, strict=False):
            row["answer"] = text
        _add(rows[: len(xs)], "answers", scores)
    if config.closed_book:
        with display.task(f"{name}: closed book", len(xs)) as advance:
            texts = pipeline.answer_without_passages(xs, lambda done: advance(done, ""))
        scores = answer_scores(texts, references)
        _add(rows[: len(xs)], "closed_book", {metric: scores[metric] for metric in ("em", "f1")})
        summary["closed_book"] = _block({metric: scores[metric] for metric in ("em", "f1")}, config)
    return Evaluation(summary, rows)


@torch.inference_mode()
def marginal_log_likelihood(pipeline: Pipeline, cases: Sequence[Case]) -> float:
    """Mean log sum_h p(h|x) p(y|x,h) in nats over the passages the decoder is given: dev quality without labels."""
    retrieved = pipeline.retrieve([case.x for case in cases])
    pairs = [
        Pair(case.x, (h.passage,), case.example.outputs[0])
        for case, hs in zip(cases, retrieved, strict=True)
        for h in hs
    ]
    log_lik = ranks.spread(pairs, pipeline.generator.log_likelihood).view(len(cases), -1).cpu()
    log_p = torch.tensor([[h.probability for h in hs] for hs in retrieved]).log()
    return float((log_p + log_lik).logsumexp(-1).mean())


def _ranking(kb: KnowledgeBase, queries: Tensor, depth: int) -> list[list[str]]:
    _, positions = kb.search(queries, depth)
    return [[kb.passages[i].id for i in row] for row in positions.tolist()]


def _block(scores: dict[str, list[float]], config: EvaluationConfig) -> Block:
    return {name: asdict(interval(values, resamples=config.resamples)) for name, values in scores.items()}


def _add(rows: Sequence[dict[str, Any]], block: str, scores: dict[str, list[float]]) -> None:
    """Write per-example scores into the rows, as ``block/metric``."""
    for metric, values in scores.items():
        for row, value in zip(rows, values, strict=True):
            row[f"{block}/{metric}"] = value


def _row(example: Example, hs: Sequence[Retrieved]) -> dict[str, Any]:
    passages = [{**asdict(h.passage), "probability": h.probability} for h in hs]
    return {
        "id": example.id,
        "input": example.input,
        "outputs": list(example.outputs),
        "gold": list(example.gold),
        "passages": passages,
    }
