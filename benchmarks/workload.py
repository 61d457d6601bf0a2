"""What a benchmark works on: a data set, the models, an index that is built once and kept, and batches."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from jsarag import DataConfig, TrainConfig
from jsarag.display.terminal import Terminal
from jsarag.kb import SAMPLE, KnowledgeBase
from jsarag.models import Encoder, Generator
from jsarag.run.data import read
from jsarag.run.work import load_models
from jsarag.training.models import Models
from jsarag.training.step import TrainingCase
from jsarag.training.trainer import training_cases

CACHE = Path("runs/benchmarks")
"""Indexes of the data sets, and unfinished results."""


@dataclass(frozen=True)
class Workload:
    """One data set, ready to take steps on.

    Attributes:
        name: The data set's name in tables.
        models: Prior, posterior and generator.
        kb: Passages with vectors.
        cases: (x, y) pairs, in an order that mixes lengths.
    """

    name: str
    models: Models
    kb: KnowledgeBase
    cases: list[TrainingCase]

    def batch(self, number: int, size: int) -> list[TrainingCase]:
        """The ``number``-th batch; starts again at the end of the data."""
        return [self.cases[(number * size + i) % len(self.cases)] for i in range(size)]


def load(
    name: str,
    folder: Path,
    models: Models | None = None,
    *,
    index: str | None = None,
    limit: int = 512,
    passages: int | None = None,
) -> Workload:
    """Read the data set in ``folder``.

    Args:
        name: Of the data set, for tables.
        folder: With passages.jsonl and train.jsonl.
        models: Loaded if none are given.
        index: Name of the kept index, if not that of the data set.
        limit: Training pairs to choose batches from.
        passages: Index the first so many alone; None: all.
    """
    data = DataConfig(folder / "passages.jsonl", folder / "train.jsonl", limit=limit, split="none")
    config = TrainConfig(data)
    found = read(data)
    models = models or load_models(config)
    kb = _kept(CACHE / f"index-{index or name}", found.passages[:passages], models.prior)
    order = torch.randperm(len(found.train), generator=torch.Generator().manual_seed(0)).tolist()
    # No objective here reads labels, and labelled passages may be left out.
    cases = training_cases([replace(example, gold=()) for example in found.train], kb, config.data.history)
    return Workload(name, models, kb, [cases[i] for i in order])


def _kept(folder: Path, passages: list[Any], encoder: Encoder) -> KnowledgeBase:
    if folder.exists():
        kb = KnowledgeBase.load(folder)
        if kb.fingerprint == encoder.fingerprint() and kb.passages == passages:
            return kb
    with Terminal().task("indexing", len(passages)) as advance:
        kb = KnowledgeBase.build(passages, encoder, progress=lambda done: advance(done, ""))
    kb.save(folder)
    return kb


def sets(given: list[str] | None) -> list[tuple[str, Path]]:
    """Data sets named on the command line as NAME=FOLDER; the bundled sample always comes first."""
    found = [("sample", SAMPLE)]
    for text in given or []:
        name, equals, folder = text.partition("=")
        if not equals or not (Path(folder) / "passages.jsonl").is_file():
            raise SystemExit(f"--data: expected NAME=FOLDER with a passages.jsonl in the folder, got {text!r}")
        found.append((name, Path(folder)))
    return found


def workloads(given: list[str] | None) -> Iterator[tuple[Workload, Path]]:
    """Each data set of ``--data`` with its folder; the models are loaded once."""
    models = None
    for name, folder in sets(given):
        work = load(name, folder, models)
        models = work.models
        yield work, folder


def machine(generator: Generator) -> dict[str, Any]:
    """Where a benchmark ran, for its table."""
    device = generator.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "precision": str(generator.dtype).removeprefix("torch."),
        "torch": torch.__version__,
    }


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def data_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data``."""
    parser.add_argument(
        "--data",
        action="append",
        metavar="NAME=FOLDER",
        help="a data set with passages.jsonl and train.jsonl, beside the bundled sample; may be given more than once",
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "CPU")
