"""Every file of training settings, read by the parser that reads a user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsarag.cli.data import RECIPES
from jsarag.cli.train import configured
from jsarag.data.sources import SOURCES

NAMES = sorted(path.stem for path in RECIPES.glob("*.yaml") if path.stem != "small")


def options(*recipes: str) -> list[str]:
    files = [word for name in recipes for word in ("--config", str(RECIPES / f"{name}.yaml"))]
    return [*files, "--data.passages", "p.jsonl", "--data.train", "t.jsonl", "--out", "runs/x"]


@pytest.mark.parametrize("name", NAMES)
def test_recipe_is_a_training_configuration(name: str) -> None:
    config = configured(options(name), "train", "")
    assert config.data.passages == Path("p.jsonl")
    assert config.objective.name == "jsa"
    assert (config.encoder.model, config.optim.lr_prior) == ("BAAI/bge-large-en", 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_any_recipe_can_be_made_small(name: str) -> None:
    large, small = configured(options(name), "train", ""), configured(options(name, "small"), "train", "")
    assert (small.encoder.model, small.generator.model) == ("all-MiniLM-L6-v2", "SmolLM2-135M-Instruct")
    assert (small.encoder.precision, small.generator.precision, small.index.settled.name) == (
        "auto",
        "auto",
        "auto",
    )
    assert small.data.history == large.data.history
    assert small.generator.prompt == large.generator.prompt
    assert small.passages == large.passages
    assert small.loop.steps == 100


def test_every_data_set_has_a_recipe_and_every_recipe_a_data_set() -> None:
    assert {source.recipe for source in SOURCES.values()} == set(NAMES)


def test_natural_questions_as_released() -> None:
    config = configured(options("nq"), "train", "")
    assert vars(config.objective) | {"k": 100, "m": 50, "states": None, "cache": False} == vars(config.objective)
    assert config.generator.model == "mistralai/Mistral-7B-v0.1"
    assert config.generator.lora is not None
    assert config.encoder.scale == 1 / 0.1
    assert (config.optim.lr_generator, config.optim.schedule) == (2e-5, "cosine")
    assert config.loop.steps is not None
    assert config.optim.warmup * config.loop.steps == 1000
    assert (config.index.settled.name, config.passages.encoder) == ("ivf-pq", "frozen")
    assert config.evaluation.decoding.passages == 10
