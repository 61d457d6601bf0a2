"""A run that goes on from a finished one: the settings it takes over, the models and the index that it starts with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from jsarag import layout
from jsarag.kb import KnowledgeBase
from jsarag.objectives import Concat
from jsarag.run import sealed
from jsarag.run.config import TrainConfig
from jsarag.training import checkpoint, weights
from jsarag.training.config import PassageConfig
from jsarag.training.kept import Kept, pointed
from jsarag.training.models import Models
from jsarag.types import InputError

START = "start"
"""The checkpoint of all three models as a run started: it does not need the other run any more."""


def concat(source: TrainConfig, k: int | None = None) -> TrainConfig:
    """The run that trains the generator of ``source`` on the top k of its prior, in one prompt; the rest as it was.

    Args:
        source: A run, ``out`` its folder.
        k: Passages; default: as many as the run answers with.
    """
    decoding = source.evaluation.decoding
    k = k or decoding.passages
    folder = Path(source.out)
    return replace(
        source,
        out=folder.with_name(f"{folder.name}-concat"),
        start=folder,
        objective=Concat(k=k),
        passages=PassageConfig(),
        # An index whose passages have learned lies in the folder of the run.
        index=replace(source.index, path=None) if source.passages.learns else source.index,
        # What the first stage watched may be what no longer changes.
        loop=replace(source.loop, monitor=None),
        evaluation=replace(source.evaluation, decoding=replace(decoding, mode="concat", passages=k)),
    )


def again(source: TrainConfig, k: int | None = None) -> TrainConfig:
    """The run that trains the models of ``source`` further with the same objective; ``k`` is that of the objective."""
    folder = Path(source.out)
    return replace(
        source,
        out=folder.with_name(f"{folder.name}-{AGAIN}"),
        start=folder,
        # An index whose passages have learned lies in the folder of the run.
        index=replace(source.index, path=None) if source.passages.learns else source.index,
    )


AGAIN = "again"
STAGES: dict[str, Callable[[TrainConfig, int | None], TrainConfig]] = {"concat": concat, AGAIN: again}


def check_finished(run: Path) -> None:
    """Refuse to start from what is not a finished run."""
    if not (run / layout.CONFIG).is_file():
        reason = "no config.yaml" if run.is_dir() else "no such folder"
        raise InputError(f"{run}: not a run folder ({reason})")
    if not (run / layout.SUMMARY).is_file():
        raise InputError(f"{run}: not a finished run (no summary.json); finish it with --resume {run}")
    sealed.check(run, sealed.PARTS)


def sources(config: TrainConfig) -> list[Kept]:
    """The checkpoints whose weights a run starts with, the first that has a part counts; none for a first stage.

    Raises:
        InputError: the other run is not there or not finished.
    """
    run = Path(config.out)
    if checkpoint.exists(run, START):
        return [pointed(run, START)]
    if config.start is None:
        return []
    source = Path(config.start)
    check_finished(source)
    best = "best" if checkpoint.exists(source, "best") else "last"
    return [pointed(source, name) for name in (best, START) if name == best or checkpoint.exists(source, name)]


def begin(config: TrainConfig, models: Models) -> None:
    """Give the models the weights with which the run starts: those that it kept, at first those of the other run.

    Raises:
        InputError: the other run is not there or not finished, or its models are others.
    """
    left = models.parts()
    for kept in sources(config):
        there = weights.there(kept.folder)
        found = {part: model for part, model in left.items() if part in there}
        with kept.checked(found):
            weights.read(kept.folder, found)
        left = {part: model for part, model in left.items() if part not in there}


def keep(config: TrainConfig, models: Models) -> None:
    """Keep the weights with which the run starts in its folder."""
    if config.start is not None and not checkpoint.exists(Path(config.out), START):
        checkpoint.save_models(Path(config.out), START, models.parts(), 0)


def index_of(run: Path) -> KnowledgeBase:
    """The index that a finished run in whose folder it lies answers with."""
    check_finished(run)
    trained = run / layout.TRAINED_INDEX
    return KnowledgeBase.load(trained if (trained / layout.MANIFEST).is_file() else run / layout.INDEX)
