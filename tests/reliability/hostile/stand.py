"""The folder in which every bad input is met: data, models, runs, an index, an export, a converted data set."""

from __future__ import annotations

import shutil
from pathlib import Path
from unittest.mock import patch

import yaml

from tests import tiny, world
from tests.reliability.hostile.attack import command

DATA = Path(__file__).parents[2] / "data"
SETTINGS = {
    "data": {name: f"data/{name}.jsonl" for name in ("passages", "train", "dev", "test")},
    "encoder": {"model": "models/encoder", "precision": "fp32"},
    "generator": {"model": "models/generator", "precision": "fp32", "lora": {"rank": 4}, "max_new_tokens": 4},
    "objective": {"name": "jsa", "k": 3, "m": 10},
    "loop": {"batch_size": 4, "steps": 2, "eval_every": 1, "report_to": []},
    "evaluation": {"resamples": 50, "limit": 2, "before": False, "closed_book": False, "baselines": []},
}
"""A run of two steps."""

ENCODER = ("--encoder.model", "models/encoder", "--encoder.precision", "fp32")
GENERATOR = ("--generator.model", "models/generator", "--generator.precision", "fp32")
TRAIN = ("train", "--config", "config.yaml", "--out", "runs/new")
RESUME = ("train", "--resume", "runs/stopped")
AGAIN = ("train", "--from", "runs/mine", "--out", "runs/new")
INDEX = ("index", "--passages", "data/passages.jsonl", *ENCODER, "--out", "indexes/new")
ASK = ("ask", "--run", "runs/mine", "where is the red lamp ?")
EVALUATE = ("evaluate", "--run", "runs/mine")
COMPARE = ("compare", "runs/mine", "runs/other", "--resamples", "50")
CHECK_DATA = ("data", "check", "data/passages.jsonl", "data/train.jsonl", "--texts-only")
CONVERT = ("data", "squad", "--from", "published", "--unverified", "--out", "converted-new")
SPLIT = ("split", "data/train.jsonl", "--out", "pairs")
INGEST = ("ingest", "documents", *ENCODER, "--workers", "1", "--out", "kb")
EXPORT = ("export", "runs/mine", "--out", "exported-new")
CHECK = ("check", "runs/mine")
LAB = ("lab", "--models", "real", *ENCODER, *GENERATOR, "--out", "lab")
SERVE = ("serve", "runs/mine", "--port", "0")
PUSH = ("push", "runs/mine", "me/mine")
SOUND = (TRAIN, RESUME, AGAIN, INDEX, ASK, EVALUATE, COMPARE, CHECK_DATA, CONVERT, SPLIT, INGEST, EXPORT, CHECK)
"""Commands that the stand answers with exit status 0: whatever is refused below is refused for what was put there."""


def make(folder: Path) -> Path:
    """Make the stand."""
    for name in ("tmp", "models", "documents", "runs"):
        (folder / name).mkdir(parents=True)
    world.write(folder / "data")
    tiny.encoder(folder / "models" / "encoder")
    tiny.causal(folder / "models" / "generator")
    tiny.causal(folder / "models" / "chat", chat=True)
    tiny.seq2seq(folder / "models" / "seq2seq")
    shutil.copytree(DATA / "squad", folder / "published")
    (folder / "documents" / "rules.md").write_text("# Rules\n\nThe red lamp is in the tower.\n")
    (folder / "config.yaml").write_text(yaml.safe_dump(SETTINGS))
    for argv in (
        ("train", "--config", "config.yaml", "--out", "runs/mine"),
        ("train", "--config", "config.yaml", "--out", "runs/other", "--loop.seed", "1"),
        ("index", "--passages", "data/passages.jsonl", *ENCODER, "--out", "indexes/kb"),
        ("export", "runs/mine", "--out", "exported"),
        ("data", "squad", "--from", "published", "--unverified", "--out", "converted"),
    ):
        _succeed(argv, folder)
    _stopped(folder)
    return folder


def _succeed(argv: tuple[str, ...], folder: Path) -> None:
    made = command(argv, folder, 300)
    assert made.status == 0, (argv, made.err)


def _stopped(folder: Path) -> None:
    """A run that the system ended in its second step."""
    from jsarag.training.trainer import Trainer

    original = Trainer._step

    def step(self: Trainer) -> dict[str, float | None]:
        if self.state.step == 1:
            raise OSError(5, "ended")
        return original(self)

    with patch.object(Trainer, "_step", step):
        made = command(("train", "--config", "config.yaml", "--out", "runs/stopped"), folder, 300)
    assert made.status == 2, made.err


def copy(stand: Path, place: Path) -> Path:
    """The stand for one command."""
    return Path(shutil.copytree(stand, place))
