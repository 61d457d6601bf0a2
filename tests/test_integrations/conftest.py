"""One run for all libraries."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsarag import Run
from jsarag.cli.main import main
from tests import world


@pytest.fixture(scope="package")
def run(data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("integrated") / "run"
    options = world.options(data, encoder_model, causal_model, out)
    short = ("--loop.steps", "1", "--evaluation.before", "false", "--evaluation.closed_book", "false")
    assert main(["train", *options, *short]) == 0
    return Run.load(out)
