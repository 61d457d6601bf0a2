"""The models of a run as they answer: nothing is loaded that training alone needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator

from jsarag import layout
from jsarag.display import Display
from jsarag.files import read_json
from jsarag.kb import KnowledgeBase
from jsarag.models import Encoder, LanguageModel, SentenceEncoder, load_encoder, load_generator
from jsarag.run import sealed, stages
from jsarag.run.config import TrainConfig
from jsarag.run.work import SUMMARY, check_index, trained_index
from jsarag.training import checkpoint, weights
from jsarag.training.kept import Kept, pointed
from jsarag.training.models import Part


@dataclass(frozen=True)
class Retrieving:
    """What a run, or an export of one, finds passages with.

    Attributes:
        config: Of the run, ``out`` its folder.
        weights: Which weights: ``best``, ``last`` or ``untrained``.
        places: The checkpoints of the weights; the first that has a part counts. None in an export.
        prior: Reads the questions.
        kb: The passages.
    """

    config: TrainConfig
    weights: str
    places: tuple[Kept, ...]
    prior: SentenceEncoder
    kb: KnowledgeBase


@dataclass(frozen=True)
class Answering(Retrieving):
    """What a run, or an export of one, answers with.

    Attributes:
        generator: Writes the answers.
    """

    generator: LanguageModel


def answering(config: TrainConfig, name: str, display: Display, passages: int = 1) -> Answering:
    """Load what the run in the folder ``config.out`` answers with.

    Args:
        config: The run.
        name: Its weights; ``best`` falls back to ``last`` where the run had no dev pairs.
        display: Shown progress where the passages have to be encoded.
        passages: Of a question; more than there are is refused before the generator is loaded.

    Raises:
        InputError: no such checkpoint, an index that does not belong to the run, or a damaged file.
    """
    retrieving = retriever(config, name, display)
    retrieving.kb.check_k(passages, "decoding.passages")
    return Answering(**vars(retrieving), generator=generator(config, retrieving.places))


def retriever(config: TrainConfig, name: str, display: Display) -> Retrieving:
    """Load what the run finds passages with; arguments and errors as of `answering`."""
    run = Path(config.out)
    sealed.check(run, sealed.PARTS)
    name = usual(run) if name == "best" else name
    found = places(config, name)
    prior = encoder(config, "prior", found)
    return Retrieving(config, name, tuple(found), prior, knowledge_base(config, found, prior, display))


def usual(run: Path) -> str:
    """The weights that a run answers with: ``best``, or ``last`` where the run had no dev pairs."""
    return "best" if checkpoint.exists(run, "best") else "last"


def places(config: TrainConfig, name: str) -> list[Kept]:
    """The checkpoints where weights of a run lie, ``name`` first; of ``untrained`` those that the run started with."""
    found = [] if name == "untrained" else [pointed(Path(config.out), name)]
    return found + stages.sources(config)


def least(run: Path, name: str) -> float | None:
    """The least evidence with which a finished run answers, if the weights ``name`` are those that it ended with."""
    if not (run / SUMMARY).is_file():
        return None
    summary = read_json(run / SUMMARY)
    chosen, ended = summary.get("abstention"), summary.get("run", {}).get("checkpoint", {}).get("name")
    return float(chosen["threshold"]) if chosen and ended == name else None


def encoder(config: TrainConfig, part: Part, found: Sequence[Kept]) -> SentenceEncoder:
    """The encoder of a part, from the first place that has its weights; else as it was before training."""
    place, device = _place(found, part), Accelerator().device
    if place is None:
        made = load_encoder(config.encoder, device)
        if part == "posterior" and config.posterior == "random":
            made.forget(config.loop.seed)
        return made
    with place.checked([part]):
        if (place.folder / part).is_dir():
            return load_encoder(replace(config.encoder, model=str(place.folder / part)), device)
        made = load_encoder(config.encoder, device)
        weights.read(place.folder, {part: made})
        return made


def generator(config: TrainConfig, found: Sequence[Kept]) -> LanguageModel:
    """The generator, likewise."""
    part: Part = "generator"
    place, device = _place(found, part), Accelerator().device
    if place is None:
        return load_generator(config.generator, device)
    with place.checked([part]):
        if (place.folder / part).is_dir() and config.generator.lora is None:
            return load_generator(replace(config.generator, model=str(place.folder / part)), device)
        made = load_generator(config.generator, device)
        weights.read(place.folder, {part: made})
        return made


def _place(found: Sequence[Kept], part: Part) -> Kept | None:
    return next((kept for kept in found if part in weights.there(kept.folder)), None)


def knowledge_base(config: TrainConfig, found: Sequence[Kept], prior: Encoder, display: Display) -> KnowledgeBase:
    """The index that weights of a run answer with.

    Raises:
        InputError: an index that does not belong to the run.
    """
    run = Path(config.out)
    folder = Path(config.index.path or run / layout.INDEX)
    kb = KnowledgeBase.load(folder)
    if config.passages.learns and found:
        passages = prior if config.passages.encoder == "shared" else encoder(config, "passages", found)
        return trained_index(kb, passages, run, display)
    if (run / SUMMARY).is_file() and found:
        made = read_json(run / SUMMARY)["run"]["encoder_fingerprint"]
        if made == kb.fingerprint:
            return kb
    check_index(config, kb, prior if not found else load_encoder(config.encoder, torch.device("cpu")), folder)
    return kb
