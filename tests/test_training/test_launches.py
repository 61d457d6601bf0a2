"""The budget of operations and synchronisations of a step: what it costs where a GPU waits for the host.

Each layer of the generator adds as many operations, so that small models tell those of 30 layers.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from jsarag.data import load_examples, load_passages
from jsarag.kb import SAMPLE, KnowledgeBase
from jsarag.models import EncoderConfig, GeneratorConfig, PromptConfig, load_encoder, load_generator
from tests import tiny

CPU = torch.device("cpu")
BUDGET = {"jsa": (7_600, 5), "rag-sequence": (5_700, 3)}
"""Operations and synchronisations of a step with a generator of 30 layers and encoders of six."""
TEMPLATE = "the keeper asks with few words : " * 3 + "{passage} {input}"
"""The beginning is a tenth of a prompt; no beginning of prompts as short as these is worth a pass of its own."""


@pytest.fixture(scope="module")
def launches() -> ModuleType:
    """The benchmark, which is no package."""
    file = Path(__file__).parents[2] / "benchmarks" / "launches.py"
    spec = importlib.util.spec_from_file_location("launches", file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)  # its dataclasses look for it there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", BUDGET)
def test_a_step_stays_within_its_budget(launches: ModuleType, name: str, tmp_path: Path) -> None:
    encoder = load_encoder(EncoderConfig(str(tiny.encoder(tmp_path / "encoder", layers=6)), precision="bf16"), CPU)
    kb = KnowledgeBase.build(load_passages(SAMPLE / "passages.jsonl")[:40], encoder)
    pairs = [pair for pair in load_examples(SAMPLE / "train.jsonl") if kb.position.keys() >= {*pair.gold}][:8]
    found = []
    with launches.as_on_a_gpu():
        for layers in (1, 2, 3):
            folder = tiny.causal(tmp_path / f"{layers}", layers=layers)
            prompt = PromptConfig(template=TEMPLATE, chat=False)
            generator = load_generator(GeneratorConfig(str(folder), precision="bf16", prompt=prompt), CPU)
            found.append(launches.counted(encoder, generator, launches.OBJECTIVES[name], kb, pairs))
    one, two, three = found
    assert launches.extended(one, two, 3) == three
    totals = launches.extended(one, two, 30).totals
    assert totals["operations"] <= BUDGET[name][0]
    assert totals["synchronisations"] <= BUDGET[name][1]
