"""Tiny trained runs of several kinds, and their exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import jsarag
from jsarag.cli.train import configured
from tests import world

QUICK = (
    *("--evaluation.answers", "false", "--evaluation.closed_book", "false", "--evaluation.before", "false"),
    *("--data.dev", "null", "--data.split", "none", "--evaluation.baselines", "[]", "--evaluation.abstain", "null"),
)
KINDS: dict[str, tuple[str, ...]] = {
    "frozen": (),
    "shared": (*QUICK, "--passages.encoder", "shared", "--optim.lr_passages", "1e-3"),
    "prompted": (
        *QUICK,
        *("--passages.encoder", "own", "--optim.lr_passages", "1e-2"),
        *("--encoder.query", "question : {input}", "--encoder.passage", "text : {title} . {text}"),
        *("--encoder.similarity", "cosine", "--index.kind", "hnsw"),
    ),
}
"""Options of the runs by what is special about them."""

QUESTIONS = ["where is the red lamp ?", "at what is the boat the blue ?", "who did the key ?"]


@dataclass(frozen=True)
class Case:
    """A run with its export."""

    run: Path
    export: Path


@pytest.fixture(scope="session")
def cases(
    tmp_path_factory: pytest.TempPathFactory, data: Path, encoder_model: Path, causal_model: Path
) -> dict[str, Case]:
    """The runs of `KINDS` with their exports, and the first one exported with ``merged``."""
    folder = tmp_path_factory.mktemp("exports")
    made = {}
    for name, options in KINDS.items():
        usual = world.options(data, encoder_model, causal_model, folder / name)
        jsarag.train(configured([*usual, *options]))
        made[name] = Case(folder / name, jsarag.export(folder / name, folder / "exported" / name))
    merged = jsarag.export(folder / "frozen", folder / "exported" / "merged", merged=True)
    return {**made, "merged": Case(folder / "frozen", merged)}


@pytest.fixture(scope="session")
def runs(cases: dict[str, Case]) -> dict[str, jsarag.Run]:
    """The runs themselves, by export."""
    found = {name: jsarag.Run.load(cases[name].run) for name in KINDS}
    return {**found, "merged": found["frozen"]}


@pytest.fixture(scope="session")
def answers(runs: dict[str, jsarag.Run]) -> dict[str, list[jsarag.Answer]]:
    """What the runs answer to `QUESTIONS`, by export."""
    return {name: run.ask(QUESTIONS) for name, run in runs.items()}
