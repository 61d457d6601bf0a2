"""Training: batches in order, one optimizer step after another, evaluation, checkpoints, a clean stop."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate import Accelerator

from jsarag import processes
from jsarag.checks import closest, require
from jsarag.data import HistoryConfig, as_examples, render
from jsarag.display import Display, Silent
from jsarag.evaluation import Case, evaluate_retrieval, marginal_log_likelihood
from jsarag.kb import KnowledgeBase
from jsarag.metrics import retrieval_scores
from jsarag.models.memory import lack, out_of_memory, release
from jsarag.objectives import JSA, Objective, Together, as_objective
from jsarag.objectives.candidates import PADDING
from jsarag.pipeline import Pipeline
from jsarag.retriever import retrievers
from jsarag.system.interrupt import listening
from jsarag.system.transfer import to_host
from jsarag.training.config import Settings
from jsarag.training.models import Models
from jsarag.training.monitor import Monitor
from jsarag.training.optimisation import NotFiniteError, Optimisation
from jsarag.training.order import Order
from jsarag.training.pace import Pace
from jsarag.training.rebuild import Rebuilds
from jsarag.training.record import Unrecorded
from jsarag.training.state import State
from jsarag.training.step import Outcome, TrainingCase, step, unsound
from jsarag.training.store import Memory, Store
from jsarag.types import Example, InputError


@dataclass(frozen=True)
class Fitted:
    """How training ended.

    Attributes:
        state: Where it stood then.
        end: Why: ``done`` or ``early``; empty where a run that goes on was found at its end.
        checkpoint: Which weights the models have now, ``best`` or ``last``.
        step: Of these weights.
    """

    state: State
    end: str
    checkpoint: str
    step: int


class Trainer:
    """One run of training: models, a knowledge base and pairs in; the same models trained out.

        models = jsarag.Models.of(jsarag.load_encoder(), jsarag.load_generator())
        kb = jsarag.KnowledgeBase.build(passages, models.prior)
        jsarag.Trainer(models, kb, pairs).run()

    Attributes:
        models: What is trained.
        kb: The knowledge base; another one after its index was rebuilt.
        state: Where the run stands.
        store: Where it keeps what must outlive a step.
    """

    def __init__(
        self,
        models: Models,
        kb: KnowledgeBase,
        examples: Iterable[Example | Mapping[str, Any]],
        objective: Objective | str | None = None,
        settings: Settings | None = None,
        *,
        dev: Iterable[Example | Mapping[str, Any]] = (),
        store: Store | None = None,
        display: Display | None = None,
    ) -> None:
        """Take the parts of a run.

        Args:
            models: Prior, posterior and generator, and a passage encoder where it is to learn; copies that the
                objective asks for and that are not there are made.
            kb: The passages; made by the prior as it is now, or by the passage encoder.
            examples: Training pairs: `jsarag.Example`, or {input, outputs, ...}; a list, a `datasets.Dataset`, or
                anything else whose length is known.
            objective: What is maximised; default: `jsarag.objectives.JSA` with its usual options.
            settings: Steps, rates, evaluation; default: the usual ones.
            dev: Pairs by which the best weights are chosen; none: the last weights are kept.
            store: Where to keep checkpoints and record, and what to go on from; default: memory.
            display: Shown progress.

        Raises:
            InputError: pairs that are not as they should be, no labels where the objective needs them, or fewer
                passages than it looks for.
        """
        self.objective, self.settings = as_objective(objective or JSA()), settings or Settings()
        loop, history = self.settings.loop, self.settings.history
        self.display, self.store = display or Silent(), store or Memory()
        require(
            (models.passages is not None) == self.settings.passages.learns,
            "passages.encoder",
            "own or shared where, and only where, there is a passage encoder among the models",
            self.settings.passages.encoder,
        )
        kb.check_k(self.objective.k, "objective.k")
        self.models = models.complete(self.objective)
        self.parts = self.models.parts(self.objective.trains)
        found = as_examples(examples, passage_ids=kb.position)
        self.cases = training_cases(found, kb, history)
        check_labels(self.objective, found)
        self.dev = [Case(e, render(e, history)) for e in (as_examples(dev, passage_ids=kb.position) if dev else ())]
        if self.dev:
            kb.check_k(self.settings.evaluation.decoding.passages, "evaluation.decoding.passages")
        self.accelerator = Accelerator(gradient_accumulation_steps=loop.accumulate)
        self.steps = loop.number_of_steps(len(self.cases))
        self.optimisation = Optimisation(self.settings.optim, self.models.trained(self.objective.trains))
        self.order = Order(len(self.cases), loop.batch_size, loop.seed)
        rng = torch.Generator().manual_seed(loop.seed)
        rows = torch.tensor([_number(case) for case in self.cases])
        self.state = State(chains=torch.full((len(self.cases),), PADDING), rng=rng, rows=rows)
        resumed = self.store.resume(self.parts, self.optimisation, self.state, kb)
        self.resumed = resumed is not None
        self.kb = resumed or kb
        self.models.spare(max(self.models.halvings, self.state.halvings))
        self.rebuilds = None
        if self.models.passages is not None:
            some = torch.randperm(len(self.cases), generator=torch.Generator().manual_seed(loop.seed))
            probes = [self.cases[i].x for i in some[: self.settings.passages.probes].tolist()]
            self.rebuilds = Rebuilds(
                self.settings.passages, self.store.folder, models.prior, self.models.passages, probes, self.objective.k
            )
        self.monitor = Monitor(self.state.warned, self.state.window)
        # Several processes are each other's neighbours, and a GPU has its cores alone.
        alone = processes.size() == 1 and models.prior.device.type == "cpu"
        self.pace = Pace() if alone else None

    def run(self, notes: Sequence[str] = ()) -> Fitted:
        """Train until the steps are done or dev stops improving; a run at its end is left as it is.

        Args:
            notes: Lines for the record.

        Raises:
            Stopped: a signal; the step in hand has been finished and saved, unless the signal came twice.
            InputError: a loss or gradient is not finite, or the monitored figure does not exist.
        """
        loop, state, end = self.settings.loop, self.state, self._end()
        if end:
            return Fitted(state, end, *self.store.restore(self.parts, loop.keep))
        self.record = self.store.record(state.step if self.resumed else None) if processes.first() else Unrecorded()
        try:
            for text in notes:
                self.record.add("warning", state.step, {"text": text})
            if not self.resumed:
                self._evaluate()
            total = loop.budget or self.steps
            with listening() as asked, asked.later(), self.display.task("training", total, self._done()) as advance:
                while not end:
                    before = self._done()
                    line = _line(self._step())
                    advance(min(self._done(), total) - before, line)
                    self._rebuild()
                    self.store.look()
                    due = self._done() >= total or (loop.eval_every and state.step % loop.eval_every == 0)
                    if due:
                        self.store.settle(state)
                        self._evaluate()
                        self._save()
                    end = self._end()
                    asked.number = processes.largest(asked.number)
                    if asked.number:
                        if not due:
                            self.store.settle(state)
                            self._save()
                        break
                self.store.settle(state)
        finally:
            try:
                self.store.close()
            finally:
                self.record.close()
            if self.rebuilds:
                self.rebuilds.close()
        return Fitted(state, end, *self.store.restore(self.parts, loop.keep))

    def _step(self) -> dict[str, float | None]:
        """Take one optimizer step and record it; returns its figures."""
        loop, state = self.settings.loop, self.state
        began, done, figures = time.perf_counter(), self._done(), dict[str, float | None]()
        batches = [self.order.batch(state.step * loop.accumulate + part) for part in range(loop.accumulate)]
        chains = state.chains.clone() if loop.on_nonfinite == "skip" else state.chains
        try:
            outcomes = self._gradients(batches)
            processes.add_gradients(weight for weights in self.optimisation.parameters.values() for weight in weights)
            # Of a budget, the middle of the step: its length is not known beforehand.
            progress = (done + self._done()) / 2 / loop.budget if loop.budget else done / self.steps
            # The one place of the step at which the host waits for the gradients.
            waiting = [tensor for outcome in outcomes for tensor in outcome.waiting]
            *known, measured = to_host([*waiting, self.optimisation.measured()])
            for number, outcome in enumerate(outcomes):
                for name, value in outcome.figures(*known[2 * number : 2 * number + 2]).items():
                    figures[name] = (figures.get(name) or 0.0) + value / loop.accumulate
            for loss, batch in zip(known[::2], batches, strict=True):
                if not loss.isfinite():
                    cases = [self.cases[i] for i in batch]
                    raise NotFiniteError(f"the loss is {loss.item()}{unsound(self.models, cases)}")
            figures |= self.optimisation.step(min(progress, 1.0), measured)
            top1 = [best for outcome in outcomes for best in outcome.top1.tolist()]
        except NotFiniteError as error:
            self._leave_out(str(error), [i for batch in batches for i in batch])
            state.chains, top1 = chains, []
        state.step += 1
        spent = time.perf_counter() - began
        state.seconds += spent
        if self.pace and (text := self.pace.after(spent)):
            self.display.say(text)
        state.peak_memory_bytes = max(state.peak_memory_bytes, peak_memory(self.models.prior.device))
        if state.step % loop.log_every == 0:
            costs = ("seconds", "tokens_scored", "tokens_trained", "peak_memory_bytes")
            self.record.add(
                "step", state.step, {**figures, "step_seconds": spent, **{name: getattr(state, name) for name in costs}}
            )
        self._tell_halved()
        for text in self.monitor.watch(top1, figures.get("acceptance")):
            self._warn(state.step, text)
        return figures

    def _gradients(self, batches: list[list[int]]) -> list[Outcome]:
        """The gradients of a step, and what each of its batches gave.

        Where memory runs out, the step begins anew as if nothing had been: smaller batches of tokens give the same
        gradients, chains and draws.

        Raises:
            InputError: even one text at a time takes too much memory.
        """
        state = self.state
        while True:
            before = _Draws(state)
            try:
                return [self._backward(batch) for batch in batches]
            except Exception as error:
                if not out_of_memory(error):
                    raise
                # Other processes wait for what this one has not done.
                if processes.size() > 1 or not self.models.halve():
                    raise InputError(f"training: {lack(error)}") from None
            self.optimisation.forget()
            before.restore(state)
            release()

    def _tell_halved(self) -> None:
        """Tell once that batches are smaller than they were, and keep them so in all models."""
        state, halvings = self.state, self.models.halvings
        if halvings > state.halvings:
            state.halvings = halvings
            self.models.spare(halvings)
            text = (
                f"out of memory: from now on {self.models.batches}, computed again in the backward pass; "
                "loop.batch_size and the results stay"
            )
            state.warned["memory"] = text
            self._warn(state.step, text)

    def _backward(self, batch: list[int]) -> Outcome:
        """One forward and backward pass."""
        loop, objective, state = self.settings.loop, self.objective, self.state
        before, ids = self.models.tokens, torch.tensor(batch)
        start = state.chains[ids] if objective.keeps_state else torch.full_like(ids, PADDING)
        cases = [self.cases[i] for i in batch]
        more, share = self.settings.candidates, loop.share_candidates
        outcome = step(self.models, self.kb, objective, cases, start, state.rng, more=more, share_candidates=share)
        scored, trained = processes.total([now - then for now, then in zip(self.models.tokens, before, strict=True)])
        state.tokens_scored += scored
        state.tokens_trained += trained
        if outcome.loss.requires_grad:
            self.accelerator.backward(outcome.loss)  # divides by the number of accumulated passes
        if objective.keeps_state:
            state.chains[ids] = outcome.state
        return outcome

    def _leave_out(self, found: str, pairs: list[int]) -> None:
        """Keep the pairs of a step whose loss or gradient is not finite, then end the run or warn, as asked for.

        Raises:
            InputError: the run is to end; its last checkpoint stays.
        """
        loop, state, number = self.settings.loop, self.state, self.state.step + 1
        rows = [{"id": case.id, "input": case.x, "output": case.y} for case in (self.cases[i] for i in pairs)]
        place = self.store.keep_pairs(number, found, rows)
        if loop.on_nonfinite == "stop":
            raise InputError(
                f"training: {found} at step {number}, so the step is not taken; its pairs are {place}; lower the "
                "rates under optim, or leave such steps out with loop.on_nonfinite skip"
            )
        self.optimisation.forget()
        state.left_out += 1
        state.warned["nonfinite"] = f"{state.left_out} of {number} steps left out, the last because {found}"
        self._warn(number, f"the step is left out because {found}; its pairs are {place}")

    def _warn(self, number: int, text: str) -> None:
        self.record.add("warning", number, {"text": text})
        self.display.say(f"warning: step {number}: {text}")

    def _rebuild(self) -> None:
        """Put a new index in the place of the old one where the passage encoder learns and one is due."""
        if self.rebuilds is None:
            return
        state = self.state
        ready, figures = self.rebuilds.after(state.step, self.kb, self.display)
        if ready:
            figures |= {"from_step": ready.from_step, "rebuild_seconds": ready.seconds}
            figures["overlap_of_old"] = self.rebuilds.agreement(self.kb, ready.kb)
            self.kb, state.index = ready.kb, ready.folder
            state.rebuild_seconds += ready.seconds
            self.display.say(
                f"step {state.step}: index rebuilt in {ready.seconds:.1f} s; the old one found "
                f"{100 * figures['overlap_of_old']:.0f} % of what it finds"
            )
        if figures:
            self.record.add("index", state.step, figures)

    def _done(self) -> int:
        """How much of the run is done: steps, or what is spent where the run has a budget."""
        state = self.state
        loop = self.settings.loop
        return loop.spent(state.tokens_scored, state.tokens_trained) if loop.budget else state.step

    def _end(self) -> str:
        """Why the run is at its end: ``done`` or ``early``; empty while it is not. A checkpoint knows it as well."""
        loop = self.settings.loop
        if self._done() >= (loop.budget or self.steps):
            return "done"
        return "early" if 0 < loop.patience <= self.state.stale else ""

    def _evaluate(self) -> None:
        """Measure dev, record it, keep the models if they are the best so far."""
        if not self.dev:
            return
        objective, settings, models, state = self.objective, self.settings, self.models, self.state
        both = retrievers(models.prior, models.posterior, self.kb, settings.candidates)
        scores = evaluate_retrieval(both, self.dev, settings.evaluation.cutoffs)
        figures = {b: {m: sum(v) / len(v) for m, v in metrics.items()} for b, metrics in scores.items()}
        decoding, more = settings.evaluation.decoding, settings.candidates
        pipeline = Pipeline(models.prior, self.kb, models.generator, decoding, candidates=more)
        likelihood = likelihood_block(objective, settings, labelled=bool(figures))
        if likelihood == "concat":
            together = replace(pipeline.decoding, mode="concat", passages=objective.k)
            figures["concat"] = {
                "log_p": replace(pipeline, decoding=together).log_likelihood(
                    *_texts(self.dev[: settings.evaluation.limit])
                )
            }
        elif likelihood:
            log_p = marginal_log_likelihood(pipeline, self.dev[: settings.evaluation.limit])
            figures["marginal"] = {"log_p": log_p}
        self.record.add("dev", state.step, figures)
        names = [f"{block}/{metric}" for block, metrics in figures.items() for metric in metrics]
        block, metric = monitored(objective, settings, names).split("/")
        value = figures[block][metric]
        if state.best is None or value > state.best:
            state.best, state.best_step, state.stale = value, state.step, 0
            if settings.loop.keep == "best":
                self.store.save_best(self.parts, state.step)
        else:
            state.stale += 1
        self.display.say(
            f"step {state.step}: dev {block}/{metric} {value:.4f} (best {state.best:.4f} at step {state.best_step})"
        )

    def _save(self) -> None:
        self.store.save(self.parts, self.optimisation, self.state, self.record)


def training_cases(examples: Sequence[Example], kb: KnowledgeBase, history: HistoryConfig) -> list[TrainingCase]:
    """Examples as (x, y) pairs; ids of passages become positions."""
    return [
        TrainingCase(
            render(e, history),
            e.outputs[0],
            tuple(kb.position[i] for i in e.gold),
            tuple(kb.position[i] for i in e.exclude),
            e.id,
        )
        for e in examples
    ]


def check_labels(objective: Objective, examples: Sequence[Example], where: str = "examples") -> None:
    """Refuse pairs without gold passages where the objective learns from these."""
    bare = next((example.id for example in examples if not example.gold), None)
    if "gold" in objective.sources and bare is not None:
        raise InputError(f"{where}: objective {objective.name} needs gold ids; {bare!r} has none")


class _Draws:
    """What a step changes before its gradients are whole: chains, sources of randomness, counts of tokens."""

    def __init__(self, state: State) -> None:
        self._chains, self._rng, self._torch = state.chains.clone(), state.rng.get_state(), torch.get_rng_state()
        self._tokens = state.tokens_scored, state.tokens_trained

    def restore(self, state: State) -> None:
        """Put them back."""
        state.chains = self._chains
        state.rng.set_state(self._rng)
        torch.set_rng_state(self._torch)
        state.tokens_scored, state.tokens_trained = self._tokens


def _number(case: TrainingCase) -> int:
    """A number for the content of a pair, of 64 bits."""
    content = json.dumps([case.id, case.x, case.y]).encode()
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big", signed=True)


def _texts(cases: Sequence[Case]) -> tuple[list[str], list[str]]:
    return [case.x for case in cases], [case.example.outputs[0] for case in cases]


def likelihood_block(objective: Objective, settings: Settings, *, labelled: bool) -> str:
    """The block of the likelihood that an evaluation on dev pairs measures; empty where it measures none.

    Args:
        objective: What is trained.
        settings: Of the training.
        labelled: Whether some dev pair has gold passages.
    """
    if isinstance(objective.second_reading, Together):
        return "concat"
    wanted = (settings.loop.monitor or "").startswith("marginal/")
    return "marginal" if not labelled or "prior" not in objective.trains or wanted else ""


def dev_figures(objective: Objective, settings: Settings, *, labelled: bool) -> list[str]:
    """The figures that an evaluation on dev pairs gives, as ``block/metric``; arguments as of `likelihood_block`."""
    likelihood = likelihood_block(objective, settings, labelled=labelled)
    metrics = retrieval_scores([["h"]], [["h"]], settings.evaluation.cutoffs) if labelled else ()
    names = [f"{block}/{metric}" for block in ("prior", "posterior") for metric in metrics]
    return [*names, f"{likelihood}/log_p"] if likelihood else names


def monitored(objective: Objective, settings: Settings, names: Sequence[str]) -> str:
    """The figure that decides, of those that an evaluation gives.

    By default the MRR of the prior; the likelihood without labels, or where the prior does not learn.

    Raises:
        InputError: the wanted figure is none of these.
    """
    usual = [name for name in names if name.startswith("prior/mrr@") and "prior" in objective.trains]
    usual += [name for name in names if name.startswith(("marginal/", "concat/"))]
    name = settings.loop.monitor or ("prior/mrr@10" if "prior/mrr@10" in usual else usual[0])
    if name not in names:
        one_of_them = f"loop.monitor: expected one of {', '.join(names)} (what the dev pairs allow)"
        raise InputError(f"{one_of_them}, got {name!r}{closest(name, names)}")
    return name


def _line(figures: dict[str, float | None]) -> str:
    shown = [("loss", "loss", ".3f"), ("acceptance", "accept", ".2f"), ("hit@1", "hit@1", ".2f")]
    return "  ".join(f"{label} {figures[key]:{form}}" for key, label, form in shown if figures.get(key) is not None)


def peak_memory(device: torch.device) -> int:
    """Peak memory so far in bytes: of the GPU, or resident memory of the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
