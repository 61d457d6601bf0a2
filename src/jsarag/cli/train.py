"""``jsarag train``: a training run from configuration file and options, or the rest of an interrupted one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import Namespace

from jsarag import api, processes
from jsarag.cli.display import Terminal
from jsarag.cli.figures import show_summary
from jsarag.config import plain
from jsarag.parsing import Parser, last_value, part_names, train_config, train_parser
from jsarag.run import TrainConfig, stages
from jsarag.types import InputError

STAGE = ("--stage", "--from")

DESCRIPTION = """Train a retriever and a generator together from (question, answer) pairs alone.

The run folder gets config.yaml, metrics.jsonl, tensorboard/, checkpoints/, summary.json and report.html.
Ctrl-C, SIGTERM and SIGHUP stop after the step in hand with a checkpoint; `jsarag train --resume RUN` continues the
same curve. Where data, models or settings have changed since the run began, it names them and stops; with
--accept-changes it goes on.
`jsarag train --stage concat --from RUN` goes on from a finished run: its generator learns to read several passages in
one prompt. All is as in that run unless an option says otherwise; --out is by default RUN-concat.
Several processes share the work of each step: torchrun --nproc-per-node 2 -m jsarag train OPTIONS"""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    with processes.joined():
        if any(word.partition("=")[0] == "--resume" for word in argv):
            folder, accept = _resumed(argv)
            return finish(folder, api.resume(folder, display=Terminal(), accept_changes=accept))
        config = staged(argv) or configured(argv, "train", DESCRIPTION)
        return finish(Path(config.out), api.train(config, display=Terminal()))


def configured(
    argv: Sequence[str], command: str, description: str, defaults: dict[str, Any] | None = None
) -> TrainConfig:
    """The configuration a command line asks for."""
    parser = train_parser(part_names(argv), defaults, prog=f"jsarag {command}", description=description)
    return train_config(parser, parser.read(argv))


def staged(argv: Sequence[str]) -> TrainConfig | None:
    """The configuration of a run that goes on from a finished one; None where the command line asks for no stage."""
    stage, source = (last_value(argv, option) for option in STAGE)
    if stage is None and source is None:
        return None
    if stage is None:
        raise InputError(f"--from: expected --stage with it (one of {', '.join(stages.STAGES)})")
    if source is None:
        raise InputError(f"--stage {stage}: expected --from with it, a finished run to go on from")
    usual = api.stage(stage, source)
    name = usual.objective.name
    names = part_names(argv, {"objective": name, "index": usual.index.settled.name})
    if names["objective"] != name:
        raise InputError(f"objective.name: expected {name} with --stage {stage}, got {names['objective']!r}")
    parser = train_parser(names, prog="jsarag train", description=DESCRIPTION)
    for option in STAGE:
        parser.add_argument(option, type=str)
    # A run answers with as many passages as it was trained on, unless it is told otherwise.
    k = _over(parser, usual, argv).objective.k
    return train_config(parser, _over(parser, api.stage(stage, source, k), argv))


def _over(parser: Parser, usual: TrainConfig, argv: Sequence[str]) -> Namespace:
    return parser.read(["--config", yaml.safe_dump(plain(usual)), *argv])


def finish(folder: Path, summary: dict[str, Any] | None) -> int:
    """Show what a run found; where a signal stopped it, `main` gives the exit status."""
    if summary is None:
        return 1
    if not processes.first():
        return 0
    show_summary(summary, folder)
    print(f"  report   {folder / 'report.html'}\n  summary  {folder / 'summary.json'}")
    return 0


def _resumed(argv: Sequence[str]) -> tuple[Path, bool]:
    """The run to go on with, and whether what has changed since it began is accepted."""
    parser = Parser(prog="jsarag train", exit_on_error=False)
    parser.add_argument("--resume", type=str, help="run folder to go on with")
    parser.add_argument("--accept-changes", action="store_true", help="go on with changed data, models or settings")
    values = parser.read(argv)
    if not values.resume:
        raise InputError("--resume: expected a run folder")
    return Path(values.resume), values.accept_changes
