"""``jsarag quickstart``: the main job on the bundled sample, with settings that suit two CPU cores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsarag import api
from jsarag.cli.answers import show
from jsarag.cli.train import SETTINGS, finish
from jsarag.display.terminal import Terminal
from jsarag.kb import SAMPLE
from jsarag.parsing import part_names, train_config, train_parser
from jsarag.training.pace import crowd

DESCRIPTION = """Train JSA on the bundled handbook of an invented cooperative, measure before and after, and ask.

Takes every option of `jsarag train`; these are only other defaults. With --quick it trains for a quarter of the steps
and judges fewer answers: a first look within five minutes on two cores of their own."""

EXAMPLE = """jsarag quickstart
jsarag quickstart --quick
jsarag quickstart --loop.steps 200 --out runs/longer"""

USUAL = {
    "files": {
        "out": "folder of the run",
        "config": "YAML file with any options",
        "quick": "a quarter of the steps: a first look within five minutes",
    },
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
    "objective.m": 50,  # as when the published figures were made
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

QUICK: dict[str, Any] = {
    # Fewer teach the answers alone; the retriever gains little.
    "loop.steps": 18,
    "loop.eval_every": 9,
    "evaluation.limit": 30,
    "evaluation.closed_book": False,
}
"""What is otherwise with --quick."""

QUESTION = "The twins are poorly, so I am writing from home. How long can a deck watch be when it's freezing?"


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    quick, words = "--quick" in argv, [word for word in argv if word != "--quick"]
    defaults = DEFAULTS | (QUICK if quick else {})
    parser = train_parser(
        part_names(words), defaults, prog="jsarag quickstart", description=DESCRIPTION, example=EXAMPLE, usual=USUAL
    )
    parser.add_argument("--quick", action="store_true", help="Train for a quarter of the steps, judge fewer answers.")
    config = train_config(parser, parser.read(words))
    display = Terminal()
    if told := crowd():
        display.say(told if quick else f"{told}; --quick takes a quarter of the time")
    status = finish(Path(config.out), api.train(config, display=display))
    if status == 0:
        show(QUESTION, api.Run.load(config.out).ask(QUESTION))
    return status
