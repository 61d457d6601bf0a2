"""How long a run will take and how much memory it has taken so far, from a few batches that are computed here.

The figures are rough: passages and questions differ in length, and a few passages stand for the knowledge base.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from jsarag.data import render
from jsarag.evaluation import Case, marginal_log_likelihood
from jsarag.kb import KnowledgeBase
from jsarag.objectives.candidates import PADDING
from jsarag.pipeline import Pipeline
from jsarag.run.preflight import Subject
from jsarag.training.step import step
from jsarag.training.trainer import likelihood_block, training_cases
from jsarag.types import Example

PASSAGES = 64
"""That stand for the knowledge base."""
PAIRS = 2
"""Of the step that is timed."""
QUESTIONS = 2
"""That are answered."""


@dataclass(frozen=True)
class Part:
    """A part of a run with its time.

    Attributes:
        name: What is done.
        seconds: For all of it.
        basis: How often it is done, and what was timed here.
    """

    name: str
    seconds: float
    basis: str


def forecast(subject: Subject) -> list[Part]:
    """The parts of a run that take time; computes a few batches of each."""
    config, data = subject.config, subject.data
    few = _few(subject)
    each = few.passage
    found = []
    if subject.plan is not None:
        seconds = each * len(data.passages) + subject.plan.needs.seconds
        found.append(
            Part("passages", seconds, f"{len(data.passages):,} at {_short(each)}, from {len(few.kb)} encoded here")
        )
    seconds, steps = few.training()
    found.append(Part("training", seconds * steps, f"{steps:,} steps at {_short(seconds)}, from {PAIRS} pairs here"))
    if config.passages.learns and config.passages.period:
        times = steps // config.passages.period
        found.append(Part("rebuilds", times * each * len(data.passages), f"{times:,} times all passages"))
    test = data.test or data.dev
    if test:
        judged, times = test[: config.evaluation.limit], 1 + config.evaluation.before
        seconds = few.answers(test[:QUESTIONS])
        basis = f"{times} times {len(judged):,} at {_short(seconds)}, from {min(QUESTIONS, len(test))} answered here"
        found.append(Part("answers", times * seconds * len(judged) + 2 * times * each * len(test), basis))
    if data.dev:
        looks = 1 + math.ceil(steps / (config.loop.eval_every or steps))
        labelled = any(example.gold for example in data.dev)
        seconds = 2 * each * len(data.dev) if labelled else 0.0
        if likelihood_block(config.objective, config.settings, labelled=labelled):
            seconds += few.likelihood(data.dev[:QUESTIONS]) * len(data.dev[: config.evaluation.limit])
        found.append(Part("dev", looks * seconds, f"{looks:,} times {len(data.dev):,} pairs"))
    return found


@dataclass
class _Few:
    """A few passages that stand for the knowledge base, and what is timed on them."""

    subject: Subject
    kb: KnowledgeBase
    passage: float

    def training(self) -> tuple[float, int]:
        """Seconds of an optimizer step, and the number of steps."""
        config, models = self.subject.config, self.subject.models.complete(self.subject.config.objective)
        loop, pairs = config.loop, self.subject.data.train[:PAIRS]
        cases = training_cases([self._within(example) for example in pairs], self.kb, config.data.history)
        rng = torch.Generator().manual_seed(loop.seed)
        parts = models.trained(config.objective.trains)

        def once(size: int) -> None:
            start = torch.full((size,), PADDING)
            outcome = step(models, self.kb, config.objective, cases[:size], start, rng, more=config.candidates)
            if outcome.loss.requires_grad:
                outcome.loss.backward()  # type: ignore[no-untyped-call]

        once(1)  # the first call is slow
        before = models.tokens
        seconds = _timed(lambda: once(len(cases)))
        for named in parts.values():
            for weight in named.values():
                weight.grad = None
        passes = loop.batch_size * loop.accumulate / len(cases)
        steps = loop.number_of_steps(len(self.subject.data.train))
        if loop.budget:
            spent = loop.spent(*(now - then for now, then in zip(models.tokens, before, strict=True)))
            steps = math.ceil(loop.budget / max(spent * passes, 1))
        return seconds * passes, steps

    def answers(self, some: list[Example]) -> float:
        """Seconds of the answers to a question, with passages and without."""
        evaluation, xs = self.subject.config.evaluation, [case.x for case in self._cases(some)]
        pipeline, seconds = self._pipeline(), 0.0
        if evaluation.answers:
            seconds += _timed(lambda: pipeline.answer(xs))
        if evaluation.closed_book:
            seconds += _timed(lambda: pipeline.answer_without_passages(xs))
        return seconds / len(xs)

    def likelihood(self, some: list[Example]) -> float:
        """Seconds of the likelihood of a dev answer."""
        cases, pipeline = self._cases([self._within(example) for example in some]), self._pipeline()
        return _timed(lambda: marginal_log_likelihood(pipeline, cases)) / len(cases)

    def _pipeline(self) -> Pipeline:
        models = self.subject.models
        config = self.subject.config
        decoding, more = config.evaluation.decoding, config.candidates
        return Pipeline(models.prior, self.kb, models.generator, decoding, candidates=more)

    def _cases(self, some: list[Example]) -> list[Case]:
        return [Case(example, render(example, self.subject.config.data.history)) for example in some]

    def _within(self, example: Example) -> Example:
        """The pair with the ids of those passages alone that are here."""
        known = self.kb.position
        return replace(
            example,
            gold=tuple(i for i in example.gold if i in known),
            exclude=tuple(i for i in example.exclude if i in known),
            grades=(),
        )


def _few(subject: Subject) -> _Few:
    config, data, prior = subject.config, subject.data, subject.models.prior
    wanted = max(PASSAGES, config.objective.k, config.evaluation.decoding.passages)
    places = np.linspace(0, len(data.passages) - 1, min(len(data.passages), wanted)).astype(int).tolist()
    gold = {i for example in data.train[:PAIRS] for i in example.gold}
    named = {data.passages[i].id: data.passages[i] for i in places}
    named |= {passage.id: passage for passage in data.passages if passage.id in gold}
    some = list(named.values())
    with torch.inference_mode():
        prior.embed_passages(some[:4])  # the first call is slow
        seconds = _timed(lambda: prior.embed_passages(some))
    return _Few(subject, KnowledgeBase.build(some, prior, "flat"), seconds / len(some))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
