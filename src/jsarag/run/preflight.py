"""Everything that can fail late in a run, checked before anything is encoded: one small check a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import torch

from jsarag import layout
from jsarag.checks import require
from jsarag.data import render
from jsarag.display import Display, Silent
from jsarag.evaluation import check_baselines, check_fits
from jsarag.index.plan import Plan, gigabytes, plan, room_at
from jsarag.kb import check_k
from jsarag.models import LanguageModel
from jsarag.run import room, stages
from jsarag.run.config import TrainConfig
from jsarag.run.data import Data
from jsarag.run.sizes import Sizes, sizes
from jsarag.training.models import Models
from jsarag.training.trainer import check_labels, dev_figures, monitored
from jsarag.types import InputError


@dataclass(frozen=True)
class Subject:
    """A run that is looked at.

    Attributes:
        config: The run.
        data: What was read.
        loaded: The models; None before they are loaded.
        resume: Whether the run has begun before, so that its folder holds a part of what it will hold.
        display: Shown progress.
    """

    config: TrainConfig
    data: Data
    loaded: Models | None = None
    resume: bool = False
    display: Display = field(default_factory=Silent)

    @property
    def models(self) -> Models:
        """The models, which are loaded."""
        assert self.loaded is not None
        return self.loaded

    @property
    def plan(self) -> Plan | None:
        """The index that is to be made; None where the run finds one."""
        config = self.config
        run = Path(config.out)
        if config.index.path or config.start or (run / layout.INDEX).exists():
            return None
        return plan(len(self.data.passages), self.models.prior.dimensions, config.index.settled, room_at(run))

    @property
    def sizes(self) -> Sizes:
        """What the run will write and hold."""
        return sizes(self.config, self.models, self.data, self.plan)


@dataclass(frozen=True)
class Found:
    """What a check has found; where the run could not succeed it raises `InputError` instead.

    Attributes:
        text: One line.
        warning: Whether the user should know before the run starts.
    """

    text: str
    warning: bool = False


Check = Callable[[Subject], Found]


def _start(subject: Subject) -> Found:
    stages.sources(subject.config)
    return Found(f"from {subject.config.start}" if subject.config.start else "from untrained models")


def _passages(subject: Subject) -> Found:
    config, data = subject.config, subject.data
    decoding, passages = config.evaluation.decoding, len(data.passages)
    check_k(config.objective.k, passages, "objective.k")
    check_k(decoding.passages, passages, "evaluation.decoding.passages")
    excluded = max((len(example.exclude) for example in [*data.dev, *data.test]), default=0)
    left = passages - excluded
    expected = f"at most {left}, since pairs exclude up to {excluded} passages"
    require(decoding.passages <= left, "evaluation.decoding.passages", expected, decoding.passages)
    return Found(f"trains on {config.objective.k} and answers from {decoding.passages} of {passages:,} passages")


def _decoding(subject: Subject) -> Found:
    decoding = subject.config.evaluation.decoding
    return Found(f"{decoding.name}, {decoding.search}, generations a question: {decoding.generations}")


def _labels(subject: Subject) -> Found:
    files, pairs = subject.config.data, subject.data.pairs
    check_labels(subject.config.objective, subject.data.train, str(files.train))
    shares = [f"{sum(bool(e.gold) for e in some):,} of {len(some):,} {name}" for name, some in pairs.items() if some]
    return Found(f"gold passages in {', '.join(shares)} pairs")


def _monitor(subject: Subject) -> Found:
    config, dev = subject.config, subject.data.dev
    if not dev:
        wanted = config.loop.monitor
        ignored = f"loop.monitor {wanted} is not measured without dev pairs: " if wanted else "no dev pairs: "
        return Found(f"{ignored}the last weights are kept", bool(wanted))
    labelled = any(example.gold for example in dev)
    names = dev_figures(config.objective, config.settings, labelled=labelled)
    return Found(f"{monitored(config.objective, config.settings, names)} on {len(dev):,} dev pairs")


def _baselines(subject: Subject) -> Found:
    names = subject.config.evaluation.baselines
    check_baselines(names, "evaluation.baselines")
    return Found(", ".join(names) or "none")


def _trackers(subject: Subject) -> Found:
    for name in subject.config.loop.report_to:
        try:
            import_module(name)
        except Exception as error:  # a broken installation may raise anything
            raise InputError(f"loop.report_to: {name} cannot be imported: {error}") from None
    return Found(", ".join(subject.config.loop.report_to) or "metrics.jsonl alone")


def _models(subject: Subject) -> Found:
    config, models = subject.config, subject.models
    trained = models.trained(config.objective.trains)
    counts = {part: sum(weight.numel() for weight in named.values()) for part, named in trained.items()}
    parts = ", ".join(f"{part} {count / 1e6:,.1f} million" for part, count in counts.items())
    return Found(f"{config.encoder.model}, {config.generator.model}; trained numbers: {parts}")


def _lengths(subject: Subject) -> Found:
    generator, files, data = subject.models.generator, subject.config.data, subject.data
    sides = ((data.train, files.train), (data.dev, files.dev or files.train), (data.test, files.test or files.train))
    total = sum(len(examples) for examples, _ in sides)
    beyond = isinstance(generator, LanguageModel) and not generator.check_length()
    with subject.display.task("checking", total) as advance:
        for examples, path in sides:
            pairs = [(e.id, render(e, files.history), e.outputs[0]) for e in examples]
            answered = examples is not data.train
            check_fits(generator, pairs, str(path), answered=answered, progress=lambda done: advance(done, ""))
    if isinstance(generator, LanguageModel) and beyond:
        return Found(
            f"generator.prompt.max_length is {generator.config.prompt.max_length}, but "
            f"{subject.config.generator.model} was made for {generator.positions} tokens: it may answer badly to "
            "longer prompts",
            warning=True,
        )
    return Found(f"{total:,} pairs fit into prompts of {subject.config.generator.prompt.max_length} tokens")


def _index(subject: Subject) -> Found:
    planned = subject.plan
    return Found(str(planned) if planned else "is there")


def _disk(subject: Subject) -> Found:
    found, run = subject.sizes, Path(subject.config.out)
    free, needed = room.disk(run), found.checkpoints + found.index
    parts = f"checkpoints {gigabytes(found.checkpoints)}, index {gigabytes(found.index)}"
    text = f"up to {gigabytes(needed)} ({parts}) of {gigabytes(free)} free"
    if needed > free and not subject.resume:
        raise InputError(f"out: {run}: not enough room on its disk: the run needs {text}; name another folder")
    return Found(text)


def _memory(subject: Subject) -> Found:
    found, cuda = subject.sizes, subject.models.prior.device.type == "cuda"
    left = room.memory()
    weights = found.training + found.copies
    if cuda:
        device = torch.cuda.mem_get_info()[0]
        text = f"at least {gigabytes(weights)} more on the GPU, {gigabytes(device)} left there"
        if weights > device:
            raise InputError(f"memory: the run needs {text}; train fewer weights, or use smaller models")
        weights = 0
    needed = weights + found.kb
    parts = f"optimizer and gradients {gigabytes(found.training)}, passages {gigabytes(found.kb)}"
    text = f"at least {gigabytes(needed)} more ({parts}), {gigabytes(max(left.size, 0))} left by {left.limit}"
    if needed > left.size:
        raise InputError(f"memory: the run needs {text}; train fewer weights, or use smaller models")
    return Found(text)


EARLY: Mapping[str, Check] = {
    "start": _start,
    "passages": _passages,
    "decoding": _decoding,
    "labels": _labels,
    "monitor": _monitor,
    "baselines": _baselines,
    "trackers": _trackers,
}
"""Checks that need no model."""
LATE: Mapping[str, Check] = {
    "models": _models,
    "lengths": _lengths,
    "index": _index,
    "disk": _disk,
    "memory": _memory,
}
"""Checks that need the models."""


def demand(checks: Mapping[str, Check], subject: Subject) -> None:
    """Refuse a run that could not succeed; say what the user should know.

    Raises:
        InputError: of the first check that fails.
    """
    for check in checks.values():
        found = check(subject)
        if found.warning:
            subject.display.say(found.text)
