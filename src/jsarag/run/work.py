"""A whole run in its folder: load, check, measure, train, measure again, write the summary.

The folder explains itself: config.yaml, metrics.jsonl, tensorboard/, index/, checkpoints/, evaluation/, examples.jsonl
and summary.json. Nothing is created before all input has been read and checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import set_seed

from jsarag import layout, processes
from jsarag.checksums import CONFIG, FILE, identity, is_sealed, signed
from jsarag.checksums import check as check_sums
from jsarag.checksums import seal as write_seal
from jsarag.config import as_yaml
from jsarag.data import render
from jsarag.display import Display, Silent
from jsarag.evaluation import LEAST, Case, Evaluation, evaluate, measure_abstention, measure_baselines
from jsarag.files import read_json, read_jsonl, write_json, write_jsonl, write_text
from jsarag.kb import KnowledgeBase, encode
from jsarag.models import Encoder, load_encoder, load_generator
from jsarag.pipeline import Pipeline
from jsarag.places import check_apart, check_new_folder
from jsarag.run import extend, fingerprints, lock, sealed, stages
from jsarag.run.config import TrainConfig
from jsarag.run.data import Data, read, shared
from jsarag.run.fingerprints import Change, Fingerprints, versions
from jsarag.run.folder import RunFolder
from jsarag.run.local import kept
from jsarag.run.outcome import outcome
from jsarag.run.preflight import EARLY, LATE, Subject, demand
from jsarag.run.sealed import SUMMARY as SUMMARY  # noqa: PLC0414 - offered here as well
from jsarag.system.interrupt import Stopped, listening
from jsarag.training import checkpoint
from jsarag.training.config import LoopConfig
from jsarag.training.models import Models
from jsarag.training.record import check_begun
from jsarag.training.trainer import Trainer
from jsarag.types import Example, InputError, Passage
from jsarag.whole import sweep


@dataclass(frozen=True)
class Parts:
    """What a run works with, read and checked."""

    data: Data
    models: Models
    kb: KnowledgeBase
    prints: Fingerprints


def train(
    config: TrainConfig,
    display: Display,
    *,
    resume: bool = False,
    accept_changes: bool = False,
    was: LoopConfig | None = None,
) -> dict[str, Any] | None:
    """Run ``config`` in its folder; returns the summary, or None where a signal stopped the run, which is then told.

    Args:
        config: The run.
        display: Shown progress.
        resume: Go on with the run that the folder holds, instead of refusing the folder. Of a finished run, which has
            its summary, nothing is changed; one killed after its last step gets the evaluation and summary it lacks.
        accept_changes: Go on although data, models, settings or packages are not those that the run began with.
        was: The loop of the run so far, where ``config`` makes the run longer: a finished run then goes on too.

    Raises:
        InputError: any mistake in files, options or folder, another run works in the folder, or changes that are not
            accepted; nothing has been written then.
    """
    display = display if processes.first() else Silent()
    with listening():
        try:
            return _locked(config, display, resume, accept_changes, was)
        except Stopped as signalled:
            display.say(f"stopped by {signalled}; {_saved(Path(config.out))}")
            return None


def _saved(run: Path) -> str:
    """What a run that was stopped has saved, and how to go on."""
    if not (run / layout.CONFIG).exists():
        return "nothing was saved yet; start it again"
    found = f"step {checkpoint.locate(run, 'last')[1]}" if checkpoint.exists(run, "last") else "no step yet"
    return f"saved: {found}; go on with: jsarag train --resume {run}"


def _locked(
    config: TrainConfig, display: Display, resume: bool, accept: bool, was: LoopConfig | None
) -> dict[str, Any]:
    run = Path(config.out)
    if not resume:
        check_new(run)
        processes.by_first(lambda: check_apart(run, _reads(config), around=True))
        parts = prepare(config, display, resume=False)
        with lock.held(run, display):
            check_new(run)  # another run may have begun since
            return work(config, parts, display)
    if was is None and processes.first_finds(finished(run)):
        return _kept(run, display)
    with lock.held(run, display):
        ended = processes.first_finds(finished(run))
        if was is None and ended:  # by another run until now
            return _kept(run, display)
        processes.by_first(lambda: _recover(config, display))
        parts = prepare(config, display, resume=True, accept=accept, was=was)
        if ended:
            processes.by_first(lambda: extend.reopen(run))
        return work(config, parts, display)


def _recover(config: TrainConfig, display: Display) -> None:
    """Find the checkpoints from which an interrupted run goes on, where the newest is damaged the one before."""
    run = Path(config.out)
    for place in (run, run / layout.EVALUATION):
        sweep(place)
    for name in (stages.START, "last", *(["best"] if config.loop.keep == "best" else [])):
        checkpoint.recover(run, name, display.say)
    check_begun(run)


def prepare(
    config: TrainConfig, display: Display, *, resume: bool, accept: bool = False, was: LoopConfig | None = None
) -> Parts:
    """Read, load and check everything that a run needs; nothing is written.

    Args:
        config: The run.
        display: Shown progress, and told what has changed.
        resume: Whether the run has begun before.
        accept: Go on although something has changed since.
        was: The loop of the run so far, where the run is made longer.
    """
    data = read(config.data, display)
    if was is not None and processes.first_finds(finished(Path(config.out))):
        processes.by_first(lambda: extend.check(config, len(data.train)))
    if not resume:  # else what has changed since is told first
        demand(EARLY, Subject(config, data, display=display))
    set_seed(config.loop.seed)
    models = load_models(config)
    prints = processes.from_first(lambda: fingerprints.take(config, data.rows))
    if resume:
        prints = _judged(config, prints, accept, display, extend.told(was, config, len(data.train)) if was else "")
    demand({**EARLY, **LATE} if resume else LATE, Subject(config, data, models, resume, display))
    kb = knowledge_base(config, data.passages, models, display)
    stages.begin(config, models)
    processes.wait()  # nothing is written before every process has looked
    return Parts(data, models, kb, prints)


def _judged(config: TrainConfig, found: Fingerprints, accept: bool, display: Display, longer: str = "") -> Fingerprints:
    """The fingerprints of a run that goes on, once what has changed is told and accepted.

    Args:
        config: The run.
        found: Its fingerprints now.
        accept: Whether any change is accepted.
        display: Told what has changed.
        longer: What becomes of the rates of a run that is made longer, which is a change that was asked for.

    Raises:
        InputError: there are changes, and they are not accepted.
    """
    run = Path(config.out)
    if processes.first_finds(not (run / fingerprints.FILE).is_file()):
        display.say(f"{run}: begun by an earlier version, which kept no fingerprints: changes since then are not known")
    lengths = [f"loop.{name}" for name in extend.LENGTHS] if longer else []
    if longer:
        first = next((change for change in found.changes if change.name in lengths), None)
        changes = (Change(c.name, f"{c.text}; {longer}") if c is first else c for c in found.changes)
        found = replace(found, changes=tuple(changes))
    for line in [*found.told, *map(str, found.changes)]:
        display.say(line)
    found.check(run, accept, lengths)
    if found.changes:
        display.say(f"{run}: goes on with {len(found.changes)} accepted changes")
    return found.accept(checkpoint.locate(run, "last")[1] if checkpoint.exists(run, "last") else 0)


def _forget_measured(run: Path) -> None:
    """Remove what was measured with other data or models, so that it is measured again."""
    for file in (run / layout.EVALUATION).glob("*"):
        file.unlink()


def work(config: TrainConfig, parts: Parts, display: Display) -> dict[str, Any]:
    """Measure, train and measure again in the run folder, whose lock is held; returns the summary."""
    run, data, models, kb = Path(config.out), parts.data, parts.models, parts.kb
    run.mkdir(parents=True, exist_ok=True)
    if any(change.measured for change in parts.prints.changes):
        processes.by_first(lambda: _forget_measured(run))
    processes.by_first(lambda: fingerprints.keep(run, parts.prints))
    processes.by_first(lambda: write_text(run / CONFIG, signed(as_yaml(kept(config)), identity(run))))
    processes.by_first(lambda: stages.keep(config, models))
    if config.index.path is None and not processes.first_finds((run / layout.INDEX).exists()):
        kb.save(run / layout.INDEX)

    test = _cases(config, data.test or data.dev)
    before = _evaluated(config, models, kb, test, "before", display) if config.evaluation.before else None
    trainer = Trainer(
        models,
        kb,
        data.train,
        config.objective,
        config.settings,
        dev=data.dev,
        store=RunFolder(run, config.loop, display),
        display=display,
    )
    fitted = trainer.run(parts.prints.news)
    if models.passages is not None:
        kb = trained_index(trainer.kb, models.passages, run, display)
    after = _evaluated(config, models, kb, test, "after", display)
    baselines = _baselines(config, models, kb, test, display) if after else None
    state = fitted.state
    abstention = _abstention(config, models, kb, _cases(config, data.dev))
    summary = {
        "abstention": abstention,
        "before": before.summary if before else None,
        "after": after.summary if after else None,
        "baselines": baselines.summary if baselines else {},
        "paired": outcome(before, after, baselines, config.evaluation.resamples) if after and baselines else {},
        "cost": {
            "seconds": round(state.seconds, 3),
            "tokens_scored": state.tokens_scored,
            "tokens_trained": state.tokens_trained,
            "peak_memory_bytes": state.peak_memory_bytes,
            "rebuild_seconds": round(state.rebuild_seconds, 3),
        },
        "run": {
            "objective": config.objective.name,
            "steps": state.step,
            "start": None if config.start is None else str(config.start),
            "examples": state.step * config.loop.batch_size * config.loop.accumulate,
            "passages": len(kb),
            "end": fitted.end,
            "checkpoint": {"name": fitted.checkpoint, "step": fitted.step},
            "encoder_fingerprint": kb.fingerprint,
            "versions": versions(),
            "steps_left_out": state.left_out,
            "batches_halved": state.halvings,
            "accepted_changes": parts.prints.accepted,
            "split": data.split and data.split.figures,
            "no_abstention": _answers_all(config, len(data.dev)) if abstention is None else None,
            "warnings": [*parts.prints.accepted, *shared(data), *state.warned.values()],
        },
    }
    if before and after:
        rows = _compared(before, after)
        processes.by_first(lambda: write_jsonl(run / layout.EXAMPLES, rows))
    processes.by_first(lambda: sealed.finish(run, summary))
    return summary


def check_new(run: Path) -> None:
    """Refuse a folder that holds a run."""
    if processes.first_finds((run / layout.CONFIG).exists()):
        holder = "" if finished(run) else lock.holder(run)
        by = f" (not finished; {holder})" if holder else ""
        raise InputError(
            f"{run}: already holds a run{by}; name another folder with --out, or go on with --resume {run}"
        )
    processes.by_first(lambda: check_new_folder(run, "out"))


def _reads(config: TrainConfig) -> list[str | Path]:
    """The files and folders that a run reads."""
    data = config.data
    named = (data.passages, data.train, data.dev, data.test, config.index.path, config.start)
    return [config.encoder.model, config.generator.model, *(Path(place) for place in named if place is not None)]


def _kept(run: Path, display: Display) -> dict[str, Any]:
    sealed.check(run, sealed.RESULTS)
    sweep(run)
    display.say(f"{run}: the run is finished, there is nothing to go on with")
    summary: dict[str, Any] = read_json(run / SUMMARY)
    return summary


def finished(run: Path) -> bool:
    """Whether a run folder holds a finished run."""
    return (run / SUMMARY).is_file()


def load_models(config: TrainConfig) -> Models:
    """Load the three models; the posterior starts as a copy of the prior, or from random weights."""
    device = Accelerator().device
    prior, generator = load_encoder(config.encoder, device), load_generator(config.generator, device)
    models = Models.of(prior, generator, passages=config.passages.encoder)
    if config.posterior == "random":
        posterior = prior.copy()
        posterior.forget(config.loop.seed)
        models = replace(models, posterior=posterior)
    return models


def knowledge_base(config: TrainConfig, passages: Sequence[Passage], models: Models, display: Display) -> KnowledgeBase:
    """The index the configuration names, or that of the run folder or of the run it starts from, or a new one.

    Args:
        config: The run.
        passages: Those of ``data.passages``.
        models: As they are loaded. A run that starts from another one gives them that one's weights, where these read
            other passages than the other run's.
        display: Shown progress.

    Raises:
        InputError: an index of another encoder or of other passages.
    """
    run, encoder = Path(config.out), models.prior
    folder = Path(config.index.path or run / layout.INDEX)
    if folder == run / layout.INDEX and not folder.exists():
        if config.start is None:
            return encode(passages, encoder, config.index.settled, run, display)
        folder = Path(config.start)
        kb = stages.index_of(folder)
        if kb.passages != list(passages):
            reader: Encoder = encoder
            if models.passages is not None:  # those of the other run were trained
                stages.begin(config, models)
                reader = models.passages
            if kb.fingerprint == reader.fingerprint():
                return encode(passages, reader, config.index.settled, run, display)
    else:
        kb = KnowledgeBase.load(folder)
        check_index(config, kb, encoder, folder)
    if kb.passages != list(passages):
        raise InputError(f"{folder}: holds other passages than data.passages; run `jsarag index` again")
    return kb


def check_index(config: TrainConfig, kb: KnowledgeBase, encoder: Encoder, folder: Path) -> None:
    """Refuse an index that another encoder made than ``encoder`` as it is loaded, before training."""
    # What a run took over from another one may be by an encoder that the other one trained.
    if config.start is None or config.index.path is not None:
        kb.check_encoder(encoder, str(folder))


def trained_index(kb: KnowledgeBase, passages: Encoder, run: Path, display: Display) -> KnowledgeBase:
    """The index of the passages as the run's trained encoder reads them, kept in its folder ``trained-index``."""
    folder, wanted = run / layout.TRAINED_INDEX, passages.fingerprint()
    if processes.first_finds((folder / layout.MANIFEST).is_file()):
        kept = KnowledgeBase.load(folder)
        if kept.fingerprint == wanted:
            return kept
    if kb.fingerprint == wanted:  # the last rebuild was with these weights
        kb.save(folder)
        return kb
    with display.task("indexing", len(kb)) as advance:
        fresh = kb.rebuilt(passages, progress=lambda done: advance(done, ""))
    fresh.save(folder)
    return fresh


def _cases(config: TrainConfig, examples: Sequence[Example]) -> list[Case]:
    return [Case(example, render(example, config.data.history)) for example in examples]


def _evaluated(
    config: TrainConfig, models: Models, kb: KnowledgeBase, cases: list[Case], name: str, display: Display
) -> Evaluation | None:
    """Measure and keep the result in the run folder; a result that is already there is read instead."""
    if not cases:
        return None
    folder = Path(config.out) / layout.EVALUATION
    summary, rows, seal = (folder / f"{name}.{kind}" for kind in ("json", "jsonl", FILE))
    if processes.first_finds(summary.exists() and rows.exists() and (seal.exists() or not is_sealed(Path(config.out)))):
        if seal.exists():
            check_sums(seal, f"put it back from a copy, or remove {folder / name}.* to measure again")
        return Evaluation(read_json(summary), [row for _, row in read_jsonl(rows)])
    pipeline = _pipeline(config, models, kb)
    evaluation = evaluate(pipeline, models.posterior, cases, config.evaluation, display, name)
    processes.by_first(lambda: write_jsonl(rows, evaluation.rows))
    processes.by_first(lambda: write_json(summary, evaluation.summary))
    processes.by_first(lambda: write_seal(seal, [summary.name, rows.name]))
    return evaluation


def _abstention(config: TrainConfig, models: Models, kb: KnowledgeBase, dev: list[Case]) -> dict[str, Any] | None:
    """When the trained models had better not answer; None where it is not asked for or there are too few dev pairs."""
    lost = config.evaluation.abstain
    return None if lost is None else measure_abstention(_pipeline(config, models, kb), dev, lost)


def _pipeline(config: TrainConfig, models: Models, kb: KnowledgeBase) -> Pipeline:
    return Pipeline(models.prior, kb, models.generator, config.evaluation.decoding, candidates=config.candidates)


def _answers_all(config: TrainConfig, dev: int) -> str:
    """Why a run declines no question."""
    if config.evaluation.abstain is None:
        return "no question (evaluation.abstain is null)"
    return f"no question: the threshold is chosen on at least {LEAST} dev pairs, and there are {dev}"


def _baselines(
    config: TrainConfig, models: Models, kb: KnowledgeBase, cases: list[Case], display: Display
) -> Evaluation:
    settings, device = config.evaluation, models.prior.device
    return measure_baselines(settings.baselines, kb, cases, settings.decoding.passages, settings, device, display)


def _compared(before: Evaluation, after: Evaluation) -> list[dict[str, Any]]:
    """One row an example with what it got before and after."""
    shared = ("id", "input", "outputs", "gold")
    return [
        {**{key: a[key] for key in shared}, **{when: _got(row) for when, row in (("before", b), ("after", a))}}
        for b, a in zip(before.rows, after.rows, strict=True)
    ]


def _got(row: dict[str, Any]) -> dict[str, Any]:
    return {"answer": row.get("answer"), "passages": row["passages"]}
