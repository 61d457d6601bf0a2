"""Quality without labels: the marginal likelihood of the accepted answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from jsarag import processes
from jsarag.evaluation.retrieval import retrieve
from jsarag.evaluation.sheet import Case
from jsarag.models import Pair
from jsarag.pipeline import Pipeline
from jsarag.types import InputError, Retrieved

CHUNK = 16
"""Cases scored between two signs of progress."""


@torch.inference_mode()
def marginal_log_likelihood(pipeline: Pipeline, cases: Sequence[Case]) -> float:
    """Mean log sum_h p(h|x) p(y|x,h) in nats over the passages the decoder is given: dev quality without labels."""
    return float(_marginal(pipeline.generator.log_likelihood, cases, retrieve(pipeline, cases)).mean())


@torch.inference_mode()
def token_log_likelihoods(
    pipeline: Pipeline,
    cases: Sequence[Case],
    retrieved: Sequence[Sequence[Retrieved]],
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, list[float]]:
    """``[cases]`` log-likelihoods of the first accepted answer in nats a token of it, the end of answer included.

    Args:
        pipeline: Its generator scores; each passage takes one prompt, and so does the case without passages.
        cases: What is scored.
        retrieved: ``[cases, k]`` passages with their probabilities.
        progress: Told how many cases are done.

    Returns:
        ``per_token``: log sum_h p(h|x) p(y|x,h); ``closed_book``: log p(y|x) without any passage.

    Raises:
        InputError: a score is not a finite number.
    """
    generator = pipeline.generator
    found: dict[str, list[float]] = {"per_token": [], "closed_book": []}

    def score(pairs: Sequence[Pair]) -> Tensor:
        # With several processes one may be left without a pair.
        return generator.token_log_likelihood(pairs).sum(-1) if pairs else torch.zeros(0)

    for start in range(0, len(cases), CHUNK):
        some = cases[start : start + CHUNK]
        tokens = generator.answer_tokens([case.example.outputs[0] for case in some]).cpu()
        marginal = _marginal(score, some, retrieved[start : start + CHUNK])
        alone = _scores(score, [Pair(case.x, (), case.example.outputs[0]) for case in some], some)
        found["per_token"] += (marginal / tokens).tolist()
        found["closed_book"] += (alone / tokens).tolist()
        progress(len(some))
    return found


def _marginal(
    score: Callable[[Sequence[Pair]], Tensor], cases: Sequence[Case], retrieved: Sequence[Sequence[Retrieved]]
) -> Tensor:
    """``[cases]`` log sum_h p(h|x) p(y|x,h)."""
    pairs = [
        Pair(case.x, (h.passage,), case.example.outputs[0])
        for case, hs in zip(cases, retrieved, strict=True)
        for h in hs
    ]
    log_lik = _scores(score, pairs, cases).view(len(cases), -1)
    log_p = torch.tensor([[h.probability for h in hs] for hs in retrieved]).log()
    return (log_p + log_lik).logsumexp(-1)


def _scores(score: Callable[[Sequence[Pair]], Tensor], pairs: Sequence[Pair], cases: Sequence[Case]) -> Tensor:
    """``[pairs]`` finite log-likelihoods, as many pairs a case."""
    log_lik = processes.spread(pairs, score).cpu()
    bad = (~log_lik.isfinite()).nonzero().flatten().tolist()
    if bad:
        case = cases[bad[0] * len(cases) // len(pairs)]
        raise InputError(f"generator.model: the score of pair {case.example.id!r} is not a finite number")
    return log_lik
