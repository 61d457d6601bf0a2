"""One batch from texts to a loss: candidates, no-gradient scores, E-step, scores with gradient, M-step.

Where several processes train, each embeds and reads its part of the batch and all know the scores of the whole: the
chains are walked in every process alike, and each gets its share of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from jsarag import processes
from jsarag.kb import CandidateConfig, KnowledgeBase
from jsarag.models import Encoder, Pair
from jsarag.objectives import Estimate, Objective, Scores, Source, diagnose, estimate
from jsarag.objectives.candidates import PADDING, locate, member, rectangle, union
from jsarag.retriever import NONE, Retriever
from jsarag.system.transfer import to_device, to_host
from jsarag.training.models import Models
from jsarag.training.reading import BatchReader


@dataclass(frozen=True)
class TrainingCase:
    """One (x, y) pair with positions of passages.

    Attributes:
        x: The input.
        y: The output.
        gold: The right passages, which only an objective that declares it may read.
        exclude: Passages that are no answer, such as the one that x itself was taken from; they are no candidates.
        id: That of the example.
    """

    x: str
    y: str
    gold: tuple[int, ...] = ()
    exclude: tuple[int, ...] = ()
    id: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one batch gave.

    Attributes:
        loss: Mean loss of the batch, in nats, with gradient.
        top1: ``[batch]`` position of the prior's best passage.
        state: ``[batch]`` position of the passage on which each chain stands, -1 without chains.
    """

    loss: Tensor
    top1: Tensor
    state: Tensor
    _made: Estimate
    _posterior: bool
    _known: dict[str, float]

    @property
    def waiting(self) -> list[Tensor]:
        """What the models' device still computes and `figures` asks for."""
        return [self.loss, self._made.log_lik]

    def figures(self, loss: Tensor, log_lik: Tensor) -> dict[str, float]:
        """``loss`` and `diagnostics`, from what was `waiting`, on the host."""
        made = self._made
        figures = diagnose(made.scores(log_lik), made.read, posterior=self._posterior) | made.target.diagnostics
        means = {name: float(values.nanmean()) for name, values in figures.items() if not values.isnan().all()}
        return {"loss": float(loss), **means, **self._known}

    @property
    def diagnostics(self) -> dict[str, float]:
        """Batch means by name; ``hit@1`` is that of the prior where the batch has gold labels."""
        figures = self.figures(*to_host(self.waiting))
        figures.pop("loss")
        return figures


def step(
    models: Models,
    kb: KnowledgeBase,
    objective: Objective,
    batch: Sequence[TrainingCase],
    start: Tensor,
    rng: torch.Generator,
    *,
    more: CandidateConfig = NONE,
    share_candidates: bool = False,
) -> Outcome:
    """Run one batch up to its loss; the caller owns backward and optimizer.

    Args:
        models: The three models.
        kb: Passages with their vectors.
        objective: Says what is needed and gives the loss.
        batch: The cases.
        start: ``[batch]`` positions of the passages on which chains stood in an earlier epoch, -1 where there is none.
        rng: Source of the sampler's randomness, on the host.
        more: A source of candidates beside those of the objective.
        share_candidates: Let the candidates of every case be candidates of all.
    """
    retrievers = models.retrievers(kb, objective, more)
    e = {}
    for name, retriever in retrievers.items():
        with torch.set_grad_enabled(name in objective.trains):
            e[name] = retriever.embed(*_texts(batch))
    e_host = dict(zip(e, to_host(list(e.values())), strict=True))
    exclude = [case.exclude for case in batch]
    added = retrievers["prior"].relevance(_texts(batch)[0])
    relevance = None if added is None else torch.stack(list(added))
    proposed: dict[Source, Tensor] = {"gold": rectangle([list(case.gold) for case in batch])}
    for source in ("prior", "posterior", "untrained"):
        if source == "prior" or source in objective.sources:
            said = relevance if source == "prior" else None
            proposed[source] = retrievers[source].search(e_host[source], objective.k, exclude, said)
    sources = sorted(objective.sources)
    proposals = more.propose(kb, *_texts(batch), objective.k, exclude)
    candidates = union(*(proposed[source] for source in sources), *proposals, start[:, None])
    if share_candidates:
        candidates = union(candidates.flatten()[None].expand(len(batch), -1))
        candidates = union(candidates.masked_fill(member(candidates, rectangle(list(map(list, exclude)))), PADDING))

    device, padding = e["prior"].device, candidates == PADDING
    stale = h_host = kb.vectors[candidates.clamp(min=0)]
    if models.passages is None:
        h = to_device(h_host, device)
    else:
        h = _encoded(models.passages, kb, candidates)
        (h_host,) = to_host([h])
    # The sampler works on the host: on a GPU each of its small operations would be a launch, and each branch a wait.
    others: dict[str, Any] = {
        "answer_tokens": models.generator.answer_tokens([case.y for case in batch]).cpu(),
        "found": {source: member(candidates, proposed[source]) for source in sources},
        "start": locate(candidates, start),
        "relevance": None if relevance is None else relevance.gather(1, candidates.clamp(min=0)),
    }
    seen = _scores(retrievers, e_host, h_host, padding, **others)
    pairs = [(case.x, case.y) for case in batch]
    reader = BatchReader(models.generator, kb, pairs, candidates, seen.log_p, objective.temperature)
    judge = reader
    if models.untrained_generator is not None:
        judge = replace(reader, generator=models.untrained_generator)
    scores = _scores(retrievers, e, h, padding, **others)
    made = estimate(objective, scores, reader, rng, judge=judge, seen=seen)

    known = {}
    if models.passages is not None:
        known["drift"] = float(1 - nn.functional.cosine_similarity(stale, h_host, dim=-1)[~padding].mean())
    top1 = proposed["prior"][:, 0]
    right = [best in case.gold for best, case in zip(top1.tolist(), batch, strict=True) if case.gold]
    if right:
        known["hit@1"] = sum(right) / len(right)
    state = torch.full_like(start, PADDING)
    if made.target.state is not None:
        state = candidates.gather(1, made.target.state[:, None])[:, 0]
    return Outcome(made.loss.mean(), top1, state, made, "posterior" in retrievers, known)


def _scores(
    retrievers: Mapping[str, Retriever],
    e: Mapping[str, Tensor],
    h: Tensor,
    padding: Tensor,
    *,
    answer_tokens: Tensor,
    found: Mapping[Source, Tensor],
    start: Tensor,
    relevance: Tensor | None,
) -> Scores:
    """What is known before the generator reads, where the vectors ``e`` and ``h`` lie; all else lies on the host."""
    masked = to_device(padding, h.device)
    said = None if relevance is None else to_device(relevance, h.device)
    log_p = retrievers["prior"].log_probabilities(e["prior"], h, masked, said)
    # Objectives without a posterior retriever never read log_q.
    log_q = log_p.detach()
    if "posterior" in retrievers:
        log_q = retrievers["posterior"].log_probabilities(e["posterior"], h, masked)
    unread = torch.zeros_like(log_p).detach()
    return Scores(
        log_p,
        log_q,
        unread,
        unread[:, :, None],
        to_device(answer_tokens, h.device),
        {source: to_device(mask, h.device) for source, mask in found.items()},
        to_device(start, h.device),
    )


def _texts(cases: Sequence[TrainingCase]) -> tuple[list[str], list[str]]:
    return [case.x for case in cases], [case.y for case in cases]


def _encoded(encoder: Encoder, kb: KnowledgeBase, candidates: Tensor) -> Tensor:
    """``[batch, candidates, dimensions]`` vectors of today, with gradient; a passage is encoded once a batch."""
    distinct, places = torch.unique(candidates.clamp(min=0), return_inverse=True)
    h = kb.comparable(processes.spread([kb.passages[i] for i in distinct.tolist()], encoder.embed_passages))
    return h[places.to(h.device)]


@torch.no_grad()
def unsound(models: Models, batch: Sequence[TrainingCase]) -> str:
    """Which model's numbers are not finite on a batch, in the words of an error; empty where all of them are."""
    xs, ys = _texts(batch)
    looked: dict[str, Callable[[], Tensor]] = {
        "a vector of the prior": lambda: models.prior.embed_queries(xs),
        "a vector of the posterior": lambda: models.posterior.embed_pairs(xs, ys),
        "a score of the generator": lambda: models.generator.log_likelihood(
            [Pair(x, (), y) for x, y in zip(xs, ys, strict=True)]
        ),
    }
    return next((f" ({name} is not finite)" for name, made in looked.items() if not made().isfinite().all()), "")
