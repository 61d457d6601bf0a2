"""``jsarag quickstart``: the main job on the bundled sample, with settings that suit two CPU cores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsarag import api
from jsarag.cli.ask import show
from jsarag.cli.train import SETTINGS, finish
from jsarag.kb import SAMPLE
from jsarag.parsing import part_names, train_config, train_parser
from jsarag.terminal import Terminal

DESCRIPTION = """Train JSA on the bundled handbook of an invented cooperative, measure before and after, and ask.

Takes every option of `jsarag train`; these are only other defaults."""

EXAMPLE = """jsarag quickstart
jsarag quickstart --loop.steps 200 --out runs/longer"""

USUAL = {
    "files": {"out": "folder of the run", "config": "YAML file with any options"},
    **SETTINGS,
    "help": {"help_all": "every option"},
}

DEFAULTS: dict[str, Any] = {
    "data.passages": str(SAMPLE / "passages.jsonl"),
    "data.train": str(SAMPLE / "train.jsonl"),
    "data.dev": str(SAMPLE / "dev.jsonl"),
    "data.test": str(SAMPLE / "test.jsonl"),
    "out": "runs/quickstart",
    # Most of one pass in nine minutes on two cores: short prompts, small adapters, one passage an example to
    # train the generator on.
    "objective.k": 6,
    "objective.states": 1,
    "optim.lr_prior": 1e-4,
    "optim.lr_posterior": 1e-4,
    "generator.lora": {"targets": "q_proj,v_proj"},
    "generator.prompt.chat": False,
    "generator.max_new_tokens": 16,
    "loop.steps": 76,
    "loop.eval_every": 19,
    "evaluation.limit": 300,
}

QUESTION = "The twins are poorly, so I am writing from home. How long can a deck watch be when it's freezing?"


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = train_parser(
        part_names(argv), DEFAULTS, prog="jsarag quickstart", description=DESCRIPTION, example=EXAMPLE, usual=USUAL
    )
    config = train_config(parser, parser.read(argv))
    status = finish(Path(config.out), api.train(config, display=Terminal()))
    if status == 0:
        show(QUESTION, api.Run.load(config.out).ask(QUESTION))
    return status
