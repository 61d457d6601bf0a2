"""``jsarag train``: a training run from configuration file and options, or the rest of an interrupted one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsarag import api, ranks
from jsarag.cli.display import Terminal
from jsarag.cli.figures import show_summary
from jsarag.parsing import Parser, objective_name, train_config, train_parser
from jsarag.training import TrainConfig
from jsarag.types import InputError

DESCRIPTION = """Train a retriever and a generator together from (question, answer) pairs alone.

The run folder gets config.yaml, metrics.jsonl, tensorboard/, checkpoints/, summary.json and report.html.
Ctrl-C stops after the step in hand with a checkpoint; `jsarag train --resume RUN` continues the same curve.
Several processes share the work of each step: torchrun --nproc-per-node 2 -m jsarag train OPTIONS"""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    with ranks.joined():
        if argv and argv[0].partition("=")[0] == "--resume":
            folder = _resume_folder(argv)
            return finish(folder, api.resume(folder, display=Terminal()))
        config = configured(argv, "train", DESCRIPTION)
        return finish(config.out, api.train(config, display=Terminal()))


def configured(
    argv: Sequence[str], command: str, description: str, defaults: dict[str, Any] | None = None
) -> TrainConfig:
    """The configuration a command line asks for."""
    parser = train_parser(objective_name(argv), defaults, prog=f"jsarag {command}", description=description)
    return train_config(parser, parser.read(argv))


def finish(folder: Path, summary: dict[str, Any] | None) -> int:
    """Show what a run found; exit status 130 where it was interrupted."""
    if summary is None:
        return 130
    if not ranks.first():
        return 0
    show_summary(summary)
    print(f"summary: {folder / 'summary.json'}\nreport:  {folder / 'report.html'}")
    return 0


def _resume_folder(argv: Sequence[str]) -> Path:
    parser = Parser(prog="jsarag train", exit_on_error=False)
    parser.add_argument("--resume", type=str, help="run folder to go on with")
    folder = parser.read(argv).resume
    if not folder:
        raise InputError("--resume: expected a run folder")
    return Path(folder)
