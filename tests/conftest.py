"""Tiny models and a tiny data set, made once a test session."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TQDM_DISABLE", "1")

from tests import tiny, world

# Two test processes share two cores.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def causal_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.causal(tmp_path_factory.mktemp("causal"))


@pytest.fixture(scope="session")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.causal(tmp_path_factory.mktemp("chat"), chat=True)


@pytest.fixture(scope="session")
def seq2seq_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.seq2seq(tmp_path_factory.mktemp("seq2seq"))


@pytest.fixture(scope="session")
def encoder_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.write(tmp_path_factory.mktemp("data"))


@pytest.fixture
def few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The laboratory measures tails and recovery on few examples, and trains tables for few steps."""
    module = importlib.import_module("jsarag.lab.run")  # its name is also that of the function in it
    for name, value in {"TAIL_EXAMPLES": 20, "RECOVERY_EXAMPLES": 4, "STEPS": 20}.items():
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def options(data: Path, encoder_model: Path, causal_model: Path, tmp_path: Path) -> list[str]:
    """Command-line options of a small run into ``tmp_path / "run"``."""
    return world.options(data, encoder_model, causal_model, tmp_path / "run")
