"""A run that is looked at and not started: every check of `jsarag.run.preflight` and a forecast; nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from accelerate.utils import set_seed

from jsarag.display import Display, about
from jsarag.index.plan import gigabytes
from jsarag.kb import KnowledgeBase
from jsarag.models.memory import lack, out_of_memory
from jsarag.run import room, work
from jsarag.run.config import TrainConfig
from jsarag.run.data import Data, read, shared
from jsarag.run.forecast import forecast
from jsarag.run.preflight import EARLY, LATE, Check, Found, Subject
from jsarag.training.trainer import peak_memory
from jsarag.types import InputError

State = Literal["ok", "warning", "problem", "not checked"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: Of the check.
        state: ``problem``: the run would be refused; ``not checked``: something else has to be mended first.
        text: One line.
    """

    name: str
    state: State
    text: str


def dry_run(config: TrainConfig, display: Display) -> list[Finding]:
    """Check all that can fail in a run, whether or not something else fails, and tell what it will take.

    Args:
        config: The run.
        display: Shown progress, and told how files are read.
    """
    findings: list[Finding] = []

    def checked(name: str, check: Callable[[], Found]) -> None:
        try:
            found = check()
            findings.append(Finding(name, "warning" if found.warning else "ok", found.text))
        except InputError as error:
            findings.append(Finding(name, "problem", str(error)))

    data, models = None, None

    def files() -> Found:
        nonlocal data
        data = read(config.data, display)
        return _files(data)

    def load() -> Found:
        nonlocal models
        set_seed(config.loop.seed)
        models = work.load_models(config)
        return Found(f"{config.encoder.model}, {config.generator.model}")

    checked("run folder", lambda: _new(config))
    checked("files", files)
    checked("models", load)
    # With both the check of that name tells more.
    subject = None if data is None else Subject(config, data, models, display=display)
    if models is not None and subject is not None:
        findings.pop()
    for names, ready in ((EARLY, subject is not None), (LATE, subject is not None and models is not None)):
        for name, check in names.items():
            if ready and subject is not None:
                checked(name, _bound(check, subject))
            elif name != "models":
                findings.append(Finding(name, "not checked", "after the problems above"))
    if config.index.path is not None and models is not None and data is not None:
        checked("index.path", _bound(_index, Subject(config, data, models)))
    if subject is not None and models is not None and all(finding.state != "problem" for finding in findings):
        checked("time", _bound(_time, subject))
        checked("memory so far", _bound(_peak, subject))
    return findings


def _bound(check: Check, subject: Subject) -> Callable[[], Found]:
    return lambda: check(subject)


def _new(config: TrainConfig) -> Found:
    work.check_new(Path(config.out))
    return Found(f"{config.out} holds no run")


def _files(data: Data) -> Found:
    counts = ", ".join(f"{len(some):,} {name}" for name, some in data.pairs.items())
    told = [*([str(data.split)] if data.split else []), *shared(data)]
    return Found("; ".join([f"{len(data.passages):,} passages, {counts} pairs", *told]), bool(shared(data)))


def _index(subject: Subject) -> Found:
    kb: KnowledgeBase = work.knowledge_base(
        subject.config, subject.data.passages, subject.models.prior, subject.display
    )
    return Found(f"{subject.config.index.path}: {len(kb):,} passages, {kb.kind.name}")


def _time(subject: Subject) -> Found:
    try:
        parts = forecast(subject)
    except Exception as error:
        if out_of_memory(error):
            raise InputError(f"time: not forecast: {lack(error)}") from None
        raise
    whole = sum(part.seconds for part in parts)
    listed = ", ".join(f"{part.name} {about(part.seconds)} ({part.basis})" for part in parts)
    return Found(f"roughly {about(whole)}: {listed}")


def _peak(subject: Subject) -> Found:
    """The memory that the timed batches took here, and what comes on top of it in the run."""
    found, device = subject.sizes, subject.models.prior.device
    more = found.training + (0 if device.type == "cuda" else found.kb)
    peak = peak_memory(device)
    where = "on the GPU" if device.type == "cuda" else "in this process"
    left = torch.cuda.mem_get_info()[0] if device.type == "cuda" else room.memory().size
    text = f"{gigabytes(peak)} {where} after small batches; up to {gigabytes(more)} come on top, and larger batches"
    return Found(f"{text}; {gigabytes(max(left, 0))} left", warning=more > left)
