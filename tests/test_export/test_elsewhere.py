"""The parts of an export, opened by their own libraries in a process without jsarag, are those of the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import jsarag
from jsarag.models import LanguageModel
from tests.test_export.conftest import KINDS, QUESTIONS, Case

TOKENS = [4, 7, 9, 11, 12, 8, 5, 6, 20, 21]


@pytest.fixture(scope="session")
def elsewhere(cases: dict[str, Case]) -> dict[str, Any]:
    """What the other libraries found, by export."""
    request = {"exports": {name: str(case.export) for name, case in cases.items()}}
    done = subprocess.run(
        [sys.executable, "-I", str(Path(__file__).with_name("elsewhere.py"))],
        input=json.dumps({**request, "questions": QUESTIONS, "tokens": TOKENS}),
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


EVERY = [*KINDS, "merged"]


@pytest.mark.parametrize("name", EVERY)
def test_sentence_transformers_ranks_the_passages_as_the_run(
    name: str, elsewhere: dict[str, Any], runs: dict[str, jsarag.Run]
) -> None:
    pipeline = runs[name].pipeline
    with torch.inference_mode():
        asked = pipeline.prior.embed_queries(QUESTIONS)
        _, positions = pipeline.kb.search(asked, len(pipeline.kb))
    assert_close(torch.tensor(elsewhere[name]["questions"]), pipeline.kb.comparable(asked), atol=1e-5, rtol=1e-5)
    assert elsewhere[name]["read"] < 1e-5
    assert elsewhere[name]["ranked"] == [[pipeline.kb.passages[i].id for i in row] for row in positions.tolist()]


@pytest.mark.parametrize("name", EVERY)
def test_faiss_finds_the_neighbours_of_the_run(
    name: str, elsewhere: dict[str, Any], runs: dict[str, jsarag.Run]
) -> None:
    pipeline = runs[name].pipeline
    with torch.inference_mode():
        scores, positions = pipeline.kb.search(pipeline.prior.embed_queries(QUESTIONS), 5)
    assert elsewhere[name]["faiss"]["ids"] == [[pipeline.kb.passages[i].id for i in row] for row in positions.tolist()]
    assert_close(torch.tensor(elsewhere[name]["faiss"]["scores"]), scores, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_the_generator_gives_the_logits_of_the_run(
    name: str, elsewhere: dict[str, Any], runs: dict[str, jsarag.Run]
) -> None:
    generator = runs[name].pipeline.generator
    assert isinstance(generator, LanguageModel)
    with torch.inference_mode():
        logits = generator.model(torch.tensor([TOKENS])).logits[0]
        with generator.model.disable_adapter():
            assert (generator.model(torch.tensor([TOKENS])).logits[0] - logits).abs().max() > 0.05  # they do something
    # Float32 up to the order of its sums, which the number of a process's threads changes.
    assert_close(torch.tensor(elsewhere[name]["logits"]), logits, atol=1e-3 if name == "merged" else 2e-5, rtol=0)
