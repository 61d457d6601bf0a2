"""RAG-Sequence decoding: a candidate a passage, judged by the marginal p(y|x) (arXiv 2005.11401, section 2.5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from jsarag.models import Generator, Pair
from jsarag.types import Answer, Retrieved

Progress = Callable[[int], None] | None


def fast(
    generator: Generator, xs: Sequence[str], retrieved: Sequence[Sequence[Retrieved]], progress: Progress = None
) -> list[Answer]:
    """An answer counts only under the passages from which it was generated: no rescoring ("fast decoding")."""
    answers = []
    for hs, candidates in zip(retrieved, _candidates(generator, xs, retrieved, progress), strict=True):
        totals = {
            text: _logsumexp([_log(h.probability) + lp for h, lp in zip(hs, under, strict=True) if lp is not None])
            for text, under in candidates.items()
        }
        answers.append(_best(totals, hs))
    return answers


@torch.inference_mode()
def thorough(
    generator: Generator, xs: Sequence[str], retrieved: Sequence[Sequence[Retrieved]], progress: Progress = None
) -> list[Answer]:
    """Every candidate answer is scored under every passage: argmax_y sum_h p(h|x) p(y|x,h) among the candidates."""
    candidates = _candidates(generator, xs, retrieved, progress)
    pairs = [
        Pair(x, (h.passage,), text)
        for x, hs, texts in zip(xs, retrieved, candidates, strict=True)
        for text in texts
        for h in hs
    ]
    scores = iter(generator.log_likelihood(pairs).tolist())
    answers = []
    for hs, texts in zip(retrieved, candidates, strict=True):
        totals = {text: _logsumexp([_log(h.probability) + next(scores) for h in hs]) for text in texts}
        answers.append(_best(totals, hs))
    return answers


def _candidates(
    generator: Generator, xs: Sequence[str], retrieved: Sequence[Sequence[Retrieved]], progress: Progress
) -> list[dict[str, list[float | None]]]:
    """For each x its distinct generated texts, with log p(y|x,h) where a passage gave them, else None."""
    prompts = [(x, (h.passage,)) for x, hs in zip(xs, retrieved, strict=True) for h in hs]
    generated = iter(generator.generate(prompts, progress=progress))
    result = []
    for hs in retrieved:
        texts: dict[str, list[float | None]] = {}
        for i in range(len(hs)):
            text, log_probability = next(generated)
            texts.setdefault(text, [None] * len(hs))[i] = log_probability
        result.append(texts)
    return result


def _best(totals: dict[str, float], hs: Sequence[Retrieved]) -> Answer:
    text = max(totals, key=lambda t: totals[t])
    return Answer(text, totals[text], tuple(hs))


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf


def _logsumexp(terms: Sequence[float]) -> float:
    top = max(terms)
    return top if math.isinf(top) else top + math.log(sum(math.exp(term - top) for term in terms))
