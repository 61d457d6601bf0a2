"""The folder of an export: written whole or not at all, and opened again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jsarag import checksums, layout
from jsarag.checksums import identity, signed
from jsarag.config import as_yaml
from jsarag.display import Display
from jsarag.exporting import generator, passages, retriever
from jsarag.exporting.card import card
from jsarag.exporting.parts import Parts
from jsarag.files import read_json, read_object, write_json, write_text
from jsarag.index import INDEXES, IndexConfig, as_plain
from jsarag.kb import KnowledgeBase
from jsarag.models import load_encoder, load_generator
from jsarag.models.quiet import quiet
from jsarag.parsing import load_run
from jsarag.places import check_new_folder
from jsarag.run import TrainConfig, load
from jsarag.run.load import Answering
from jsarag.run.local import unplaced
from jsarag.types import InputError
from jsarag.whole import whole

REMEDY = "put it back from a copy, or export the run again"


def check_out(folder: Path) -> None:
    """Refuse a folder that cannot be written or holds something.

    Raises:
        InputError: so it is.
    """
    check_new_folder(folder, "--out")
    if folder.exists() and (held := next(folder.iterdir(), None)) is not None:
        raise InputError(f"--out: {folder} is not empty (it holds {held.name}); name a new folder")


def write(parts: Parts, folder: Path, name: str) -> None:
    """Write an export.

    Args:
        parts: What is exported; a generator that is merged cannot be used afterwards.
        folder: A new or an empty folder.
        name: The heading of the model card.

    Raises:
        InputError: the folder holds something.
    """
    run = Path(parts.config.out)
    config = unplaced(parts.config)
    named = parts.config.generator.model if parts.adapters else config.generator.model
    config = replace(config, generator=replace(config.generator, model=named), index=IndexConfig(parts.kind))
    summary = summary_of(parts.config)
    with whole(folder, check_out) as new, quiet():
        new.mkdir()
        write_text(new / layout.CONFIG, signed(as_yaml(config), identity(run)))
        if summary is not None:
            write_json(new / layout.SUMMARY, summary)
        write_text(new / layout.CARD, card(parts, name, summary))
        retriever.write(parts.prior, parts.documents, new / layout.RETRIEVER)
        passages.write(parts.kb, new)
        generator.write(parts.generator, new / layout.GENERATOR, base=named, merged=parts.merged)
        write_json(
            new / layout.EXPORT,
            {
                "format": layout.EXPORT_FORMAT,
                "jsarag": version("jsarag"),
                "weights": parts.weights,
                "step": parts.step,
                "encoder": retriever.settings(parts.prior, parts.documents),
                "adapters": parts.adapters,
                "index": {**as_plain(parts.kind), "package": INDEXES.origin(parts.kind.name), "facts": _facts(parts)},
                "vectors": {"encoder": parts.kb.fingerprint, "similarity": parts.kb.similarity},
                "bases": {part: asdict(one) for part, one in parts.bases.items()},
            },
        )
        checksums.seal(new / layout.CHECKSUMS)


def _facts(parts: Parts) -> dict[str, Any]:
    return dict(parts.kb.facts) if parts.kind is parts.kb.kind else {}


def summary_of(config: TrainConfig) -> dict[str, Any] | None:
    """The summary of a run, of files and folders on this machine the names alone; None where there is none."""
    file = Path(config.out) / layout.SUMMARY
    if not file.is_file():
        return None
    text = json.dumps(read_json(file), ensure_ascii=False)
    models = [Path(name) for name in (config.encoder.model, config.generator.model)]
    known = [*vars(config.data).values(), config.out, config.start, config.index.path, *models]
    places = {place for place in known if isinstance(place, Path) and len(place.parts) > 1 and place.is_absolute()}
    for place in sorted(places, key=lambda place: -len(str(place))):
        text = text.replace(json.dumps(str(place), ensure_ascii=False)[1:-1], place.name)
    found: dict[str, Any] = json.loads(text)
    return found


def is_export(folder: Path) -> bool:
    """Whether a folder is an export."""
    return (folder / layout.EXPORT).is_file()


def read(config: TrainConfig, name: str, needed: int = 1) -> Answering:
    """What the export in the folder ``config.out`` answers with.

    Args:
        config: Of the export.
        name: The weights that are wanted; ``best`` stands for those that the export holds.
        needed: Passages of a question; more than there are is refused.

    Raises:
        InputError: other weights than those of the export, a later format, or a damaged file.
    """
    folder = Path(config.out)
    told = _told(folder, name)
    model = config.generator.model if told["adapters"] else str(folder / layout.GENERATOR)
    lora = config.generator.lora if told["adapters"] else None
    with checksums.checked(folder / layout.CHECKSUMS, REMEDY) as settled:
        encoder = replace(config.encoder, model=str(folder / layout.RETRIEVER), **told["encoder"])
        prior = load_encoder(encoder)
        settled()  # a library that reads a damaged index can end the process
        kb = _passages(folder, told)
        kb.check_k(needed, "decoding.passages")
        made = load_generator(replace(config.generator, model=model, lora=lora))
        if told["adapters"]:
            made.load(folder / layout.GENERATOR)
    return Answering(config, told["weights"], (), prior, kb, made)


def passages_of(run: Path, name: str, display: Display) -> KnowledgeBase:
    """The passages of a run or of an export with their vectors.

    Args:
        run: The folder.
        name: The weights that read the passages.
        display: Shown progress.

    Raises:
        InputError: as of `read` and `jsarag.run.load.answering`.
    """
    config = load_run(run)
    if not is_export(run):
        return load.retriever(config, name, display).kb
    told = _told(run, name)
    with checksums.checked(run / layout.CHECKSUMS, REMEDY, (layout.PASSAGES, layout.FAISS)) as settled:
        settled()
        return _passages(run, told)


def _told(folder: Path, name: str) -> dict[str, Any]:
    """What an export says of itself, if its weights are those that are wanted."""
    told = read_object(folder / layout.EXPORT)
    if told.get("format") != layout.EXPORT_FORMAT:
        raise InputError(
            f"{folder / layout.EXPORT}: expected format {layout.EXPORT_FORMAT}, found {told.get('format')!r}; "
            "update jsarag"
        )
    if name not in ("best", told["weights"]):
        raise InputError(
            f"weights: {folder} is an export, which holds the weights {told['weights']} alone, got {name!r}"
        )
    return told


def _passages(folder: Path, told: dict[str, Any]) -> KnowledgeBase:
    return passages.read(folder, told["index"], told["vectors"]["encoder"], told["vectors"]["similarity"])
