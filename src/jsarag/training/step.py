"""One batch from texts to a loss: candidates, no-gradient scores, E-step, scores with gradient, M-step.

Where several processes train, each embeds and reads its part of the batch and all know the scores of the whole: the
chains are walked in every process alike, and each gets its share of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from jsarag import ranks
from jsarag.models import Encoder, Generator, Pair
from jsarag.models.memory import Thrift
from jsarag.objectives import Component, Objective, Reading, Scores, Source, diagnose, estimate
from jsarag.objectives.candidates import PADDING, locate, member, rectangle, union
from jsarag.retrieval import KnowledgeBase
from jsarag.types import Passage

Part = Component | Literal["passages"]
"""What can be trained: what objectives name, and the passage encoder that both retrievers share."""


@dataclass(frozen=True)
class Models:
    """The three models that learn together, and where an objective asks for them, copies that do not learn.

    Attributes:
        prior: Context encoder of p(h|x).
        posterior: Context encoder of q(h|x,y).
        generator: p(y|x,h).
        passages: Passage encoder of p and q where it learns, maybe that of the prior; None: the index's vectors stay.
        untrained_prior: The prior as it was before training.
        untrained_generator: The generator as it was before training.
    """

    prior: Encoder
    posterior: Encoder
    generator: Generator
    passages: Encoder | None = None
    untrained_prior: Encoder | None = None
    untrained_generator: Generator | None = None

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens that went through generators so far, without and with gradient."""
        generators = [g for g in (self.generator, self.untrained_generator) if g is not None]
        return sum(g.tokens_scored for g in generators), sum(g.tokens_trained for g in generators)

    @property
    def halvings(self) -> int:
        """How often the batches of tokens were halved, for want of memory, in the model where it was most often."""
        return max(thrift.halvings for thrift in self._thrifts)

    def spare(self, halvings: int) -> None:
        """Let all models work in batches that are halved so often."""
        for thrift in self._thrifts:
            thrift.halvings = halvings

    def halve(self) -> bool:
        """Let all models work in smaller batches; False where each batch holds one text."""
        return any([thrift.halve() for thrift in self._thrifts])  # noqa: C419 - all of them

    @property
    def _thrifts(self) -> list[Thrift]:
        # One encoder may have two parts to play.
        return list({id(model): model.thrift for model in vars(self).values() if model is not None}.values())

    def trained(self, components: Collection[Component]) -> dict[Part, dict[str, nn.Parameter]]:
        """The trained parameters by part and name: of the components an objective names, and of the passage encoder."""
        reads_all = self.passages is self.prior
        ways: dict[Component, Callable[[], dict[str, nn.Parameter]]] = {
            "generator": self.generator.trained,
            "posterior": lambda: self.posterior.trained("query"),
            "prior": lambda: self.prior.trained(None if reads_all else "query"),
        }
        found: dict[Part, dict[str, nn.Parameter]] = {part: way() for part, way in ways.items() if part in components}
        if self.passages is not None and not reads_all:
            found["passages"] = self.passages.trained("document")
        return found


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
    *,
    share_candidates: bool = False,
) -> Outcome:
    """Run one batch up to its loss; the caller owns backward and optimizer.

    Args:
        models: The three models.
        kb: Passages with their vectors.
        objective: Says what is needed and gives the loss.
        batch: The cases.
        start: ``[batch]`` positions of the passages on which chains stood in an earlier epoch, -1 where there is none.
        rng: Source of the sampler's randomness, on the device of the encoders.
        share_candidates: Let the candidates of every case be candidates of all.
    """
    xs = [case.x for case in batch]
    trains = objective.trains
    with torch.set_grad_enabled("prior" in trains):
        e_x = kb.comparable(ranks.spread(xs, models.prior.embed_queries))
    e_xy = None
    if "posterior" in trains or "posterior" in objective.sources:
        with torch.set_grad_enabled("posterior" in trains):
            e_xy = kb.comparable(ranks.spread(batch, lambda cases: models.posterior.embed_pairs(*_texts(cases))))

    device = e_x.device
    best = _best(kb, e_x, objective.k, batch)
    proposed: dict[Source, Tensor] = {"prior": best, "gold": rectangle([list(case.gold) for case in batch])}
    if "posterior" in objective.sources and e_xy is not None:
        proposed["posterior"] = _best(kb, e_xy, objective.k, batch)
    if "untrained" in objective.sources and models.untrained_prior is not None:
        with torch.no_grad():
            e_0 = ranks.spread(xs, models.untrained_prior.embed_queries)
        proposed["untrained"] = _best(kb, e_0, objective.k, batch)
    sources = sorted(objective.sources)
    candidates = union(*(proposed[source] for source in sources), start[:, None])
    if share_candidates:
        candidates = union(candidates.flatten()[None].expand(len(batch), -1))
        left_out = member(candidates, rectangle([list(case.exclude) for case in batch]))
        candidates = union(candidates.masked_fill(left_out, PADDING))
    h = kb.vectors[candidates.clamp(min=0)].to(device)
    padding = (candidates == PADDING).to(device)
    drift = None
    if models.passages is not None:
        stale, h = h, _encoded(models.passages, kb, candidates)
        drift = 1 - nn.functional.cosine_similarity(stale, h.detach(), dim=-1)[~padding].mean()
    log_p = _log_softmax(models.prior.scale, h, e_x, padding)
    unread = torch.zeros_like(log_p).detach()
    scores = Scores(
        log_p=log_p,
        # Objectives without a posterior retriever never read log_q.
        log_q=log_p.detach() if e_xy is None else _log_softmax(models.posterior.scale, h, e_xy, padding),
        log_lik=unread,
        token_log_lik=unread[:, :, None],
        answer_tokens=models.generator.answer_tokens([case.y for case in batch]).to(device),
        found={source: member(candidates, proposed[source]).to(device) for source in sources},
        start=locate(candidates, start).to(device),
    )
    reader = _Reading(models.generator, kb, batch, candidates, log_p.detach(), objective.temperature)
    judge = None
    if objective.untrained_judge and models.untrained_generator is not None:
        judge = replace(reader, generator=models.untrained_generator)
    made = estimate(objective, scores, reader, rng, judge=judge)

    found = diagnose(made.scores, made.read, posterior=e_xy is not None) | made.target.diagnostics
    diagnostics = {name: float(values.nanmean()) for name, values in found.items() if not values.isnan().all()}
    if drift is not None:
        diagnostics["drift"] = float(drift)
    labelled = [
        any(i in case.gold for i in row) for case, row in zip(batch, best[:, :1].tolist(), strict=True) if case.gold
    ]
    if labelled:
        diagnostics["hit@1"] = sum(labelled) / len(labelled)
    state = torch.full_like(start, PADDING)
    if made.target.state is not None:
        state = candidates.gather(1, made.target.state.cpu()[:, None])[:, 0]
    return Outcome(made.loss.mean(), diagnostics, best[:, 0], state)


def _best(kb: KnowledgeBase, queries: Tensor, k: int, batch: Sequence[TrainingCase]) -> Tensor:
    """``[batch, k]`` positions of the best passages that a case does not exclude, best first."""
    more = max(len(case.exclude) for case in batch)
    _, positions = kb.search(queries, min(k + more, len(kb)))
    if not more:
        return positions
    rows = [[i for i in row if i not in case.exclude][:k] for row, case in zip(positions.tolist(), batch, strict=True)]
    for row in rows:
        if kb.null is not None and k > 1 and kb.null not in row:
            row[-1] = kb.null  # always a candidate
    return rectangle(rows)


def _texts(cases: Sequence[TrainingCase]) -> tuple[list[str], list[str]]:
    return [case.x for case in cases], [case.y for case in cases]


def _encoded(encoder: Encoder, kb: KnowledgeBase, candidates: Tensor) -> Tensor:
    """``[batch, candidates, dimensions]`` vectors of today, with gradient; a passage is encoded once a batch."""
    distinct, places = torch.unique(candidates.clamp(min=0), return_inverse=True)
    h = kb.comparable(ranks.spread([kb.passages[i] for i in distinct.tolist()], encoder.embed_passages))
    return h[places.to(h.device)]


def _log_softmax(scale: float, h: Tensor, e: Tensor, padding: Tensor) -> Tensor:
    """``[batch, candidates]`` log softmax of s <e(h), e(x)>; ``h[batch, candidates, dim]``, ``e[batch, dim]``."""
    logits = scale * torch.einsum("bcd,bd->bc", h, e)
    return logits.masked_fill(padding, -torch.inf).log_softmax(-1)


@dataclass(frozen=True)
class _Reading:
    """The generator on one batch: a `jsarag.objectives.Reader`."""

    generator: Generator
    kb: KnowledgeBase
    batch: Sequence[TrainingCase]
    candidates: Tensor
    log_p: Tensor
    temperature: float

    def __call__(self, asked: Tensor, *, leave_one_out: bool = False, together: bool = False) -> Reading:
        rows, columns = asked.nonzero(as_tuple=True)
        read = {
            (r, c): self._passages(r, c, asked, leave_one_out, together)
            for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
        }
        # What is read together stands at each of its passages and is read once.
        prompts = list(dict.fromkeys((r, passages) for (r, _), passages in read.items()))
        pairs = [Pair(self.batch[r].x, passages, self.batch[r].y) for r, passages in prompts]
        tokens = ranks.spread(
            pairs, lambda some: self.generator.token_log_likelihood(some, temperature=self.temperature)
        ).to(asked.device)
        lengths = self.generator.answer_tokens([pair.y for pair in pairs]).to(asked.device)
        place = {prompt: i for i, prompt in enumerate(prompts)}
        at = torch.tensor([place[r, passages] for (r, _), passages in read.items()], dtype=torch.long)
        empty = torch.zeros(*asked.shape, tokens.shape[1], device=asked.device)
        totals = torch.zeros(asked.shape, device=asked.device)
        return Reading(
            totals.index_put((rows, columns), self.generator.total(tokens, lengths)[at]),
            empty.index_put((rows, columns), tokens[at]),
        )

    def _passages(
        self, row: int, column: int, asked: Tensor, leave_one_out: bool, together: bool
    ) -> tuple[Passage, ...]:
        positions = self.candidates[row].tolist()
        if leave_one_out:
            return tuple(self.kb.passages[i] for c, i in enumerate(positions) if c != column and i != PADDING)
        if together:
            best = self.log_p[row].argsort(descending=True).tolist()
            return tuple(self.kb.passages[positions[c]] for c in best if asked[row, c])
        return (self.kb.passages[positions[column]],)


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
