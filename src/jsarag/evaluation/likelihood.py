"""Quality without labels: the marginal likelihood of the accepted answers."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from jsarag import processes
from jsarag.evaluation.retrieval import retrieve
from jsarag.evaluation.sheet import Case
from jsarag.models import Pair
from jsarag.pipeline import Pipeline
from jsarag.types import InputError


@torch.inference_mode()
def marginal_log_likelihood(pipeline: Pipeline, cases: Sequence[Case]) -> float:
    """Mean log sum_h p(h|x) p(y|x,h) in nats over the passages the decoder is given: dev quality without labels."""
    retrieved = retrieve(pipeline, cases)
    pairs = [
        Pair(case.x, (h.passage,), case.example.outputs[0])
        for case, hs in zip(cases, retrieved, strict=True)
        for h in hs
    ]
    log_lik = processes.spread(pairs, pipeline.generator.log_likelihood).view(len(cases), -1).cpu()
    bad = (~log_lik.isfinite()).any(-1).nonzero().flatten().tolist()
    if bad:
        raise InputError(f"generator.model: the score of pair {cases[bad[0]].example.id!r} is not a finite number")
    log_p = torch.tensor([[h.probability for h in hs] for hs in retrieved]).log()
    return float((log_p + log_lik).logsumexp(-1).mean())
