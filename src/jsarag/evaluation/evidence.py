"""Quality of retrieval and answers without passage labels: the passages hold the answer, and make it likely."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.display import Display
from jsarag.evaluation.config import EvaluationConfig
from jsarag.evaluation.likelihood import token_log_likelihoods
from jsarag.evaluation.sheet import Case, Sheet
from jsarag.metrics import evidence_scores
from jsarag.pipeline import Pipeline
from jsarag.types import Retrieved


def measure_evidence(
    sheet: Sheet,
    cases: Sequence[Case],
    retrieved: Sequence[Sequence[Retrieved]],
    config: EvaluationConfig,
) -> None:
    """Add the block evidence: whether the passages that an answer is given hold an accepted answer.

    The cutoffs are those of ``config`` that are smaller than the number of passages given, and this number.
    """
    given = max(len(hs) for hs in retrieved)
    cutoffs = [*(k for k in config.cutoffs if k < given), given]
    passages = [[h.passage for h in hs] for hs in retrieved]
    references = [case.example.outputs for case in cases]
    sheet.add("evidence", evidence_scores(references, passages, cutoffs), sheet.rows)


def wants_likelihood(cases: Sequence[Case], config: EvaluationConfig) -> bool:
    """Whether the likelihood is measured: as ``config`` says, or where fewer than half of the cases have labels."""
    if config.likelihood is not None:
        return config.likelihood
    return 2 * sum(bool(case.example.gold) for case in cases) < len(cases)


def measure_likelihood(
    sheet: Sheet,
    pipeline: Pipeline,
    cases: Sequence[Case],
    retrieved: Sequence[Sequence[Retrieved]],
    display: Display,
    task: str,
) -> None:
    """Add the block likelihood on the sheet's first so many rows.

    ``per_token`` is log p(y|x) of the first accepted answer over its passages, in nats a token of the answer;
    ``closed_book`` the same without any passage.
    """
    rows, hs = sheet.rows[: len(cases)], retrieved[: len(cases)]
    with display.task(task, len(cases)) as advance:
        found = token_log_likelihoods(pipeline, cases, hs, lambda done: advance(done, ""))
    sheet.add("likelihood", found, rows)
