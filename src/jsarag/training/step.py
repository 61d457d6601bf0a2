"""One batch from texts to a loss: candidates, no-gradient scores, E-step, scores with gradient, M-step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from jsarag.models import Encoder, Generator, Pair
from jsarag.objectives import Component, Objective, Scores
from jsarag.retrieval import KnowledgeBase
from jsarag.training.candidates import PADDING, locate, rectangle, union


@dataclass(frozen=True)
class Models:
    """The three models that learn together."""

    prior: Encoder
    posterior: Encoder
    generator: Generator

    def trained(self, components: Sequence[Component]) -> dict[Component, dict[str, nn.Parameter]]:
        """The trained parameters by component and name."""
        modules: dict[Component, Encoder | Generator]
        modules = {"prior": self.prior, "posterior": self.posterior, "generator": self.generator}
        return {component: modules[component].trained() for component in components}


@dataclass(frozen=True)
class TrainingCase:
    """One (x, y) pair with the positions of its gold passages, which only an objective that declares it may read."""

    x: str
    y: str
    gold: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What one batch gave.

    Attributes:
        loss: Mean loss of the batch, in nats, with gradient.
        diagnostics: Batch means by name; ``hit@1`` is that of the prior where the batch has gold labels.
        top1: ``[batch]`` position of the prior's best passage.
        state: ``[batch]`` position of the passage on which each chain stands, -1 without chains.
    """

    loss: Tensor
    diagnostics: dict[str, float]
    top1: Tensor
    state: Tensor


def step(
    models: Models,
    kb: KnowledgeBase,
    objective: Objective,
    batch: Sequence[TrainingCase],
    start: Tensor,
    rng: torch.Generator,
) -> Outcome:
    """Run one batch up to its loss; the caller owns backward and optimizer.

    Args:
        models: The three models.
        kb: Passages with their vectors.
        objective: Says what is needed and gives the loss.
        batch: The cases.
        start: ``[batch]`` positions of the passages on which chains stood in an earlier epoch, -1 where there is none.
        rng: Source of the sampler's randomness, on the device of the encoders.
    """
    xs = [case.x for case in batch]
    trains = objective.trains
    with torch.set_grad_enabled("prior" in trains):
        e_x = models.prior.embed_queries(xs)
    e_xy = None
    if "posterior" in trains or "posterior" in objective.sources:
        with torch.set_grad_enabled("posterior" in trains):
            e_xy = models.posterior.embed_pairs(xs, [case.y for case in batch])

    device = e_x.device
    _, best = kb.search(e_x, objective.k)
    gold = rectangle([list(case.gold) for case in batch])
    found = {"prior": best, "gold": gold}
    if "posterior" in objective.sources and e_xy is not None:
        found["posterior"] = kb.search(e_xy, objective.k)[1]
    candidates = union(*(found[source] for source in sorted(objective.sources)), start[:, None])

    h = kb.vectors[candidates.clamp(min=0)].to(device)
    padding = (candidates == PADDING).to(device)
    log_p = _log_softmax(models.prior.scale, h, e_x, padding)
    scores = Scores(
        log_p=log_p,
        # Objectives without a posterior retriever never read log_q.
        log_q=log_p.detach() if e_xy is None else _log_softmax(models.posterior.scale, h, e_xy, padding),
        log_lik=torch.zeros_like(log_p),
        gold=_member(candidates, gold).to(device) if "gold" in objective.sources else torch.zeros_like(padding),
        start=locate(candidates, start).to(device),
    )
    seen = replace(scores, log_p=log_p.detach(), log_q=scores.log_q.detach())

    with torch.no_grad():
        proposals = objective.propose(seen, rng)
        seen = replace(seen, log_lik=_likelihood(models.generator, kb, batch, candidates, proposals.scored))
        target = objective.weigh(seen, proposals, rng)
    with torch.set_grad_enabled("generator" in trains):
        log_lik = _likelihood(models.generator, kb, batch, candidates, target.backward)
    loss = objective.loss(replace(scores, log_lik=log_lik), target)

    diagnostics = {name: float(values.mean()) for name, values in target.diagnostics.items()}
    labelled = [
        any(i in case.gold for i in row) for case, row in zip(batch, best[:, :1].tolist(), strict=True) if case.gold
    ]
    if labelled:
        diagnostics["hit@1"] = sum(labelled) / len(labelled)
    state = torch.full_like(start, PADDING)
    if target.state is not None:
        state = candidates.gather(1, target.state.cpu()[:, None])[:, 0]
    return Outcome(loss.mean(), diagnostics, best[:, 0], state)


def _log_softmax(scale: float, h: Tensor, e: Tensor, padding: Tensor) -> Tensor:
    """``[batch, candidates]`` log softmax of s <e(h), e(x)>; ``h[batch, candidates, dim]``, ``e[batch, dim]``."""
    logits = scale * torch.einsum("bcd,bd->bc", h, e)
    return logits.masked_fill(padding, -torch.inf).log_softmax(-1)


def _likelihood(
    generator: Generator, kb: KnowledgeBase, batch: Sequence[TrainingCase], candidates: Tensor, asked: Tensor
) -> Tensor:
    """``[batch, candidates]`` log p(y|x,h) where ``asked``, 0 elsewhere."""
    rows, columns = asked.nonzero(as_tuple=True)
    pairs = [
        Pair(batch[r].x, kb.passages[i], batch[r].y)
        for r, i in zip(rows.tolist(), candidates[rows.cpu(), columns.cpu()].tolist(), strict=True)
    ]
    values = generator.log_likelihood(pairs).to(asked.device)
    return torch.zeros(asked.shape, device=asked.device).index_put((rows, columns), values)


def _member(candidates: Tensor, positions: Tensor) -> Tensor:
    """``[batch, candidates]`` True where a candidate is among the row's ``positions[batch, any]``."""
    real = candidates[:, :, None] != PADDING
    return ((candidates[:, :, None] == positions[:, None, :]) & real).any(-1)
