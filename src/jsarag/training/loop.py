"""The training loop: batches in order, one optimizer step after another, evaluation, checkpoints, a clean stop."""

from __future__ import annotations

import hashlib
import json
import math
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from jsarag import ranks
from jsarag.display import Display
from jsarag.evaluation import Case, evaluate_retrieval, marginal_log_likelihood
from jsarag.files import write_json
from jsarag.interrupt import listening
from jsarag.models.memory import lack, out_of_memory, release
from jsarag.objectives.candidates import PADDING
from jsarag.pipeline import Pipeline
from jsarag.retrieval import KnowledgeBase
from jsarag.training import checkpoint
from jsarag.training.checkpoint import State
from jsarag.training.config import TrainConfig
from jsarag.training.monitor import Monitor
from jsarag.training.optimisation import NotFiniteError, Optimisation
from jsarag.training.order import Order
from jsarag.training.rebuild import Rebuilds, prune
from jsarag.training.record import Record, Unrecorded
from jsarag.training.step import Models, TrainingCase, step, unsound
from jsarag.types import InputError


@dataclass(frozen=True)
class Fitted:
    """How training ended: the state, and why (``done`` or ``early``)."""

    state: State
    end: str


def number_of_steps(config: TrainConfig, examples: int) -> int:
    """Optimizer steps of a run over so many training pairs."""
    loop = config.loop
    return loop.steps or max(round(loop.epochs * examples / (loop.batch_size * loop.accumulate)), 1)


class Trainer:
    """One run of training; `run` goes on from the checkpoint ``last`` of the run folder, if there is one."""

    def __init__(
        self,
        config: TrainConfig,
        models: Models,
        kb: KnowledgeBase,
        cases: Sequence[TrainingCase],
        dev: Sequence[Case],
        display: Display,
    ) -> None:
        """Take the parts of a run; ``dev`` may be empty."""
        self.config, self.models, self.kb, self.cases, self.dev, self.display = config, models, kb, cases, dev, display
        self.accelerator = Accelerator(gradient_accumulation_steps=config.loop.accumulate)
        self.folder = Path(config.out)
        self.steps = number_of_steps(config, len(cases))
        self.parameters = models.trained(config.objective.trains)
        self.optimisation = Optimisation(config.optim, self.parameters)
        self.order = Order(len(cases), config.loop.batch_size, config.loop.seed)
        rng = torch.Generator(models.prior.device).manual_seed(config.loop.seed)
        rows = torch.tensor([_number(case) for case in cases])
        self.state = State(chains=torch.full((len(cases),), PADDING), rng=rng, rows=rows)
        self.resumed = checkpoint.exists(self.folder, "last")
        if self.resumed:
            ranks.by_first(lambda: checkpoint.sweep(self.folder))
            checkpoint.load_state(self.folder, self.parameters, self.optimisation, self.state)
            if self.state.index:
                self.kb = KnowledgeBase.load(self.folder / self.state.index)
            ranks.by_first(lambda: prune(self.folder, self.state.index))
        models.spare(max(models.halvings, self.state.halvings))
        self.rebuilds = None
        if models.passages is not None:
            some = torch.randperm(len(cases), generator=torch.Generator().manual_seed(config.loop.seed))
            probes = [cases[i].x for i in some[: config.passages.probes].tolist()]
            k = config.objective.k
            self.rebuilds = Rebuilds(config.passages, self.folder, models.prior, models.passages, probes, k)
        self.monitor = Monitor(self.state.warned, self.state.window)

    def run(self, notes: Sequence[str] = ()) -> Fitted:
        """Train until the steps are done or dev stops improving; a run at its end is left as it is.

        Args:
            notes: Lines for the record.

        Raises:
            Stopped: a signal; the step in hand has been finished and saved, unless the signal came twice.
            InputError: a loss or gradient is not finite, or the monitored figure does not exist.
        """
        loop, state, end = self.config.loop, self.state, self._end()
        if end:
            return Fitted(state, end)
        resumed_from = state.step if self.resumed else None
        self.record = Record(self.folder, from_step=resumed_from) if ranks.first() else Unrecorded()
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
                    due = self._done() >= total or (loop.eval_every and state.step % loop.eval_every == 0)
                    if due:
                        self._evaluate()
                        self._save()
                    end = self._end()
                    asked.number = ranks.largest(asked.number)
                    if asked.number:
                        if not due:
                            self._save()
                        break
        finally:
            self.record.close()
            if self.rebuilds:
                self.rebuilds.close()
        return Fitted(state, end)

    def _step(self) -> dict[str, float | None]:
        """Take one optimizer step and record it; returns its figures."""
        loop, state = self.config.loop, self.state
        began, done, figures = time.perf_counter(), self._done(), dict[str, float | None]()
        batches = [self.order.batch(state.step * loop.accumulate + part) for part in range(loop.accumulate)]
        chains = state.chains.clone() if loop.on_nonfinite == "skip" else state.chains
        try:
            top1 = self._gradients(batches, figures)
            ranks.add_gradients(weight for weights in self.optimisation.parameters.values() for weight in weights)
            # Of a budget, the middle of the step: its length is not known beforehand.
            progress = (done + self._done()) / 2 / loop.budget if loop.budget else done / self.steps
            figures |= self.optimisation.step(min(progress, 1.0))
        except NotFiniteError as error:
            self._leave_out(str(error), [i for batch in batches for i in batch])
            state.chains, top1 = chains, []
        state.step += 1
        spent = time.perf_counter() - began
        state.seconds += spent
        state.peak_memory_bytes = max(state.peak_memory_bytes, _memory(self.models.prior.device))
        if state.step % loop.log_every == 0:
            costs = ("seconds", "tokens_scored", "tokens_trained", "peak_memory_bytes")
            self.record.add(
                "step", state.step, {**figures, "step_seconds": spent, **{name: getattr(state, name) for name in costs}}
            )
        self._tell_halved()
        for text in self.monitor.watch(top1, figures.get("acceptance")):
            self._warn(state.step, text)
        return figures

    def _gradients(self, batches: list[list[int]], figures: dict[str, float | None]) -> list[int]:
        """The gradients of a step; adds to the figures, returns the prior's best passages.

        Where memory runs out, the step begins anew as if nothing had been: smaller batches of tokens give the same
        gradients, chains and draws.

        Raises:
            NotFiniteError: the loss is not finite.
            InputError: even one text at a time takes too much memory.
        """
        state = self.state
        while True:
            before = _Draws(state)
            try:
                return [best for batch in batches for best in self._backward(batch, figures)]
            except Exception as error:
                if not out_of_memory(error):
                    raise
                # Other processes wait for what this one has not done.
                if ranks.size() > 1 or not self.models.halve():
                    raise InputError(f"training: {lack(error)}") from None
            self.optimisation.forget()
            figures.clear()
            before.restore(state)
            release()

    def _tell_halved(self) -> None:
        """Tell once that batches are smaller than they were, and keep them so in all models."""
        state, halvings = self.state, self.models.halvings
        if halvings > state.halvings:
            state.halvings = halvings
            self.models.spare(halvings)
            encoder, generator = self.models.prior.batch_tokens, self.models.generator.batch_tokens
            text = (
                f"out of memory: from now on batches of {generator:,} tokens in the generator and {encoder:,} in the "
                "encoders, computed again in the backward pass; loop.batch_size and the results stay"
            )
            state.warned["memory"] = text
            self._warn(state.step, text)

    def _backward(self, batch: list[int], figures: dict[str, float | None]) -> list[int]:
        """One forward and backward pass; adds its share to the figures, returns the prior's best passages.

        Raises:
            NotFiniteError: the loss is not finite.
        """
        loop, objective, state = self.config.loop, self.config.objective, self.state
        before, ids = self.models.tokens, torch.tensor(batch)
        start = state.chains[ids] if objective.keeps_state else torch.full_like(ids, PADDING)
        cases = [self.cases[i] for i in batch]
        outcome = step(self.models, self.kb, objective, cases, start, state.rng, share_candidates=loop.share_candidates)
        scored, trained = ranks.total([now - then for now, then in zip(self.models.tokens, before, strict=True)])
        state.tokens_scored += scored
        state.tokens_trained += trained
        loss = outcome.loss.item()
        for name, value in {"loss": loss, **outcome.diagnostics}.items():
            figures[name] = (figures.get(name) or 0.0) + value / loop.accumulate
        if not math.isfinite(loss):
            raise NotFiniteError(f"the loss is {loss}{unsound(self.models, cases)}")
        if outcome.loss.requires_grad:
            self.accelerator.backward(outcome.loss)  # divides by the number of accumulated passes
        if objective.keeps_state:
            state.chains[ids] = outcome.state
        top1: list[int] = outcome.top1.tolist()
        return top1

    def _leave_out(self, found: str, pairs: list[int]) -> None:
        """Keep the pairs of a step whose loss or gradient is not finite, then end the run or warn, as asked for.

        Raises:
            InputError: the run is to end; its last checkpoint stays.
        """
        loop, state, number = self.config.loop, self.state, self.state.step + 1
        file = self.folder / "nonfinite" / f"{number:06d}.json"
        rows = [{"id": case.id, "input": case.x, "output": case.y} for case in (self.cases[i] for i in pairs)]
        ranks.by_first(lambda: write_json(file, {"step": number, "found": found, "pairs": rows}))
        if loop.on_nonfinite == "stop":
            raise InputError(
                f"training: {found} at step {number}, so the step is not taken; its pairs are in {file}; lower the "
                "rates under optim, or leave such steps out with loop.on_nonfinite skip"
            )
        self.optimisation.forget()
        state.left_out += 1
        state.warned["nonfinite"] = f"{state.left_out} of {number} steps left out, the last because {found}"
        self._warn(number, f"the step is left out because {found}; its pairs are in {file}")

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
        loop = self.config.loop
        return loop.spent(state.tokens_scored, state.tokens_trained) if loop.budget else state.step

    def _end(self) -> str:
        """Why the run is at its end: ``done`` or ``early``; empty while it is not. A checkpoint knows it as well."""
        loop = self.config.loop
        if self._done() >= (loop.budget or self.steps):
            return "done"
        return "early" if 0 < loop.patience <= self.state.stale else ""

    def _evaluate(self) -> None:
        """Measure dev, record it, keep the models if they are the best so far."""
        if not self.dev:
            return
        config, models, state = self.config, self.models, self.state
        scores = evaluate_retrieval(models.prior, models.posterior, self.kb, self.dev, config.evaluation.cutoffs)
        figures = {b: {m: sum(v) / len(v) for m, v in metrics.items()} for b, metrics in scores.items()}
        pipeline = Pipeline(models.prior, self.kb, models.generator, config.evaluation.decoding)
        learns = "prior" in config.objective.trains
        if config.objective.together:
            together = replace(pipeline.decoding, mode="concat", passages=config.objective.k)
            figures["concat"] = {
                "log_p": replace(pipeline, decoding=together).log_likelihood(
                    *_texts(self.dev[: config.evaluation.limit])
                )
            }
        elif not figures or not learns or (config.loop.monitor or "").startswith("marginal/"):
            log_p = marginal_log_likelihood(pipeline, self.dev[: config.evaluation.limit])
            figures["marginal"] = {"log_p": log_p}
        self.record.add("dev", state.step, figures)
        block, metric = _monitored(config.loop.monitor, figures, learns)
        value = figures[block][metric]
        if state.best is None or value > state.best:
            state.best, state.best_step, state.stale = value, state.step, 0
            if config.loop.keep == "best":
                ranks.by_first(lambda: checkpoint.save_models(self.folder, "best", self.parameters, state.step))
        else:
            state.stale += 1
        self.display.say(
            f"step {state.step}: dev {block}/{metric} {value:.4f} (best {state.best:.4f} at step {state.best_step})"
        )

    def _save(self) -> None:
        ranks.by_first(self._write)

    def _write(self) -> None:
        checkpoint.save_state(self.folder, self.parameters, self.optimisation, self.state)
        prune(self.folder, self.state.index)


class _Draws:
    """What a step changes before its gradients are whole: chains, sources of randomness, counts of tokens."""

    def __init__(self, state: State) -> None:
        """Keep them."""
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


def _monitored(wanted: str | None, figures: dict[str, dict[str, float]], learns: bool) -> tuple[str, str]:
    """Block and metric of the figure that decides.

    By default the MRR of the prior; the likelihood without labels, or where the prior does not learn.
    """
    names = [f"{block}/{metric}" for block, metrics in figures.items() for metric in metrics]
    usual = [name for name in names if name.startswith("prior/mrr@") and learns]
    usual += [name for name in names if name.startswith(("marginal/", "concat/"))]
    name = wanted or ("prior/mrr@10" if "prior/mrr@10" in usual else usual[0])
    if name not in names:
        raise InputError(f"loop.monitor: expected one of {', '.join(names)} (what the dev pairs allow), got {name!r}")
    block, metric = name.split("/")
    return block, metric


def _line(figures: dict[str, float | None]) -> str:
    shown = [("loss", "loss", ".3f"), ("acceptance", "accept", ".2f"), ("hit@1", "hit@1", ".2f")]
    return "  ".join(f"{label} {figures[key]:{form}}" for key, label, form in shown if figures.get(key) is not None)


def _memory(device: torch.device) -> int:
    """Peak memory so far in bytes: of the GPU, or resident memory of the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
