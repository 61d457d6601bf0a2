"""``jsarag train``: a training run from configuration file and options, or the rest of an interrupted one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from jsarag import api, layout, processes
from jsarag.cli.figures import show_findings, show_summary
from jsarag.config import plain
from jsarag.display.terminal import Terminal
from jsarag.files import write_json
from jsarag.parsing import Parser, SettingsFile, last_value, part_names, train_config, train_parser
from jsarag.parsing.spelling import options
from jsarag.places import check_outputs
from jsarag.run import TrainConfig, extend, stages
from jsarag.types import InputError

STAGE = ("--stage", "--from")
DRY_RUN = "Check everything that can fail and tell what the run will take; train nothing, write nothing."
FIGURES = "With --dry-run: file for what was found, as JSON."

DESCRIPTION = """Train a retriever and a generator together from (question, answer) pairs alone.

The run folder gets config.yaml, metrics.jsonl, tensorboard/, checkpoints/, summary.json and report.html. Ctrl-C,
SIGTERM and SIGHUP stop after the step in hand with a checkpoint; --resume RUN continues the same curve. Where data,
models or settings have changed since the run began, it names them and stops; with --accept-changes it goes on.

--resume RUN --loop.epochs 3 makes a run longer, a finished one too; the learning rates then follow the schedule of the
new length.

--from RUN starts a new run from the models of a finished one, with the same objective, on the same data or on other
data. --stage concat --from RUN trains its generator to read several passages in one prompt. All is as in that run
unless an option says otherwise; --out is by default RUN-again or RUN-concat.

--dry-run checks everything that can fail, and tells what the run will take; nothing is written.

Several processes share the work of each step: torchrun --nproc-per-node 2 -m jsarag train OPTIONS

Options may be written with dashes or with underscores, in files too. A file of settings holds them as a tree:
loop: {batch_size: 8}."""

EXAMPLE = """jsarag train --data.passages kb.jsonl --data.train qa.jsonl --data.dev dev.jsonl --out runs/mine"""

SETTINGS = {
    "models": {
        "encoder.model": "a folder or a hub id",
        "generator.model": "a path or a hub id",
        "generator.lora.rank": "size of the adapters",
        "generator.prompt.max_length": "tokens of prompt and answer together",
    },
    "training": {
        "objective.name": "what is maximised; its options: --objective NAME --help",
        "objective.k": "passages from prior and from posterior",
        "objective.m": "transitions of the chain",
        "optim.lr_prior": "learning rate of the prior",
        "optim.lr_posterior": "learning rate of the posterior",
        "optim.lr_generator": "learning rate of the generator",
        "loop.epochs": "passes over the training pairs",
        "loop.steps": "number of steps instead",
        "loop.batch_size": "pairs of one forward and backward pass",
        "loop.accumulate": "passes whose gradients make one step",
        "loop.eval_every": "steps between looks at the dev pairs",
        "loop.seed": "fixes order, initialisation and sampling",
        "index.kind": "how passages are searched",
    },
}
"""The options that people change, with a short text each."""

USUAL = {
    "data": {
        "data.passages": "the knowledge base: {id, title, text}",
        "data.train": "training pairs: {id, input, outputs}",
        "data.dev": "pairs that choose the best checkpoint",
        "data.test": "test pairs; by default a tenth is held out",
        "out": "folder of the run",
        "config": "YAML file with any of the options",
    },
    **SETTINGS,
    "trying and going on": {
        "dry_run": "check all, say what it takes, train nothing",
        "resume": "go on with a stopped run, or make it longer",
        "accept_changes": "with --resume: accept changed data or models",
        "from": "train the models of a finished run further",
        "stage": "with --from: a second stage of training",
    },
    "help": {"help_all": "every option"},
}


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    with processes.joined():
        if last_value(argv, "--resume") is not None or "--resume" in argv:
            folder, accept, length = _resumed(argv)
            return finish(folder, api.resume(folder, display=Terminal(), accept_changes=accept, **length))
        config, values = _staged(argv) or _configured(argv, "train", DESCRIPTION)
        if values["dry_run"]:
            return look(config, values["json"])
        if values["json"] is not None:
            raise InputError("--json: expected --dry-run with it")
        return finish(Path(config.out), api.train(config, display=Terminal()))


def configured(
    argv: Sequence[str], command: str = "train", description: str = DESCRIPTION, defaults: dict[str, Any] | None = None
) -> TrainConfig:
    """The configuration a command line asks for."""
    return _configured(argv, command, description, defaults)[0]


def _configured(
    argv: Sequence[str], command: str, description: str, defaults: dict[str, Any] | None = None
) -> tuple[TrainConfig, Namespace]:
    """Likewise, with all that was parsed: the options of a dry run too."""
    parser = _parser(part_names(argv), defaults, prog=f"jsarag {command}", description=description)
    values = parser.read(argv)
    if values.accept_changes:
        raise InputError("--accept-changes: expected with --resume RUN, the run to go on with")
    return train_config(parser, values), values


def look(config: TrainConfig, figures: Path | None) -> int:
    """Show what a run would meet; 2 where it would be refused."""
    check_outputs({"--json": figures}, [config.data.passages, config.data.train])
    found = api.dry_run(config, display=Terminal())
    if processes.first():
        show_findings(found)
        if figures is not None:
            write_json(figures, {"findings": [asdict(finding) for finding in found]})
    return 2 if any(finding.state == "problem" for finding in found) else 0


def staged(argv: Sequence[str]) -> TrainConfig | None:
    """The configuration of a run that goes on from a finished one; None where the command line asks for no stage."""
    found = _staged(argv)
    return found and found[0]


def _staged(argv: Sequence[str]) -> tuple[TrainConfig, Namespace] | None:
    """Likewise, with all that was parsed."""
    stage, source = (last_value(argv, option) for option in STAGE)
    if stage is None and source is None:
        return None
    stage = stage or stages.AGAIN
    if source is None:
        raise InputError(f"--stage {stage}: expected --from with it, a finished run to go on from")
    usual = _start(argv, api.stage(stage, source))
    name = usual.objective.name
    names = part_names(argv, {"objective": name, "index": usual.index.settled.name})
    if names["objective"] != name:
        raise InputError(f"--objective: expected {name} with --stage {stage}, got {names['objective']!r}")
    parser = _parser(names, prog="jsarag train", description=DESCRIPTION)
    # A run answers with as many passages as it was trained on, unless it is told otherwise.
    k = _over(parser, usual, argv).objective.k
    values = _over(parser, _start(argv, api.stage(stage, source, k)), argv)
    return train_config(parser, values), values


def _start(argv: Sequence[str], usual: TrainConfig) -> TrainConfig:
    """The settings that a run starts with; with other passages the other run's dev and test pairs, whose gold passages
    may be gone, are not among them."""
    passages = last_value(argv, "--data.passages")
    if passages is None or Path(passages).resolve() == Path(usual.data.passages).resolve():
        return usual
    return replace(usual, data=replace(usual.data, dev=None, test=None))


def _over(parser: Parser, usual: TrainConfig, argv: Sequence[str]) -> Namespace:
    return parser.read(argv, [SettingsFile(Path(usual.out) / layout.CONFIG, plain(usual), {})])


def _parser(names: Mapping[str, str], defaults: dict[str, Any] | None = None, **options: Any) -> Parser:
    """The options of a new run, with those by which it goes on from another one."""
    parser = train_parser(names, defaults, example=EXAMPLE, usual=USUAL, **options)
    parser.add_argument("--resume", type=Path, metavar="RUN", help="Go on with a run that was stopped.")
    parser.add_argument(
        "--accept-changes", action="store_true", help="With --resume: go on with changed data, models or settings."
    )
    parser.add_argument("--from", type=Path, metavar="RUN", help="Start from the models of a finished run.")
    stage = (
        "With --from. concat: train the generator on several passages in one prompt; again: train all models further "
        "with the same objective (default: again)."
    )
    parser.add_argument("--stage", type=str, metavar="|".join(stages.STAGES), help=stage)
    parser.add_argument("--dry-run", action="store_true", help=DRY_RUN)
    parser.add_argument("--json", type=Path | None, default=None, help=FIGURES)
    parser.typed |= {"resume", "accept_changes", "from", "stage", "dry_run", "json"}
    return parser


def finish(folder: Path, summary: dict[str, Any] | None) -> int:
    """Show what a run found; where a signal stopped it, `main` gives the exit status."""
    if summary is None:
        return 1
    if not processes.first():
        return 0
    show_summary(summary, folder)
    print(f"  report   {folder / 'report.html'}\n  summary  {folder / 'summary.json'}")
    return 0


def _resumed(argv: Sequence[str]) -> tuple[Path, bool, dict[str, Any]]:
    """The run to go on with, whether what has changed since it began is accepted, and its new length, if any."""
    parser = Parser(prog="jsarag train", description=DESCRIPTION, example=EXAMPLE)
    parser.add_argument("--resume", type=str, metavar="RUN", help="Go on with a run that was stopped.")
    parser.add_argument("--accept-changes", action="store_true", help="Go on with changed data, models or settings.")
    for name in extend.LENGTHS:
        parser.add_argument(
            f"--loop.{name}", type=float if name == "epochs" else int, help="Go on until then; a finished run too."
        )
    for option, _ in options(argv):
        if option[:2] == "--" and option[2:] not in parser.options and option[2:] in train_parser({}).options:
            taken = ", ".join(f"--loop.{name}" for name in extend.LENGTHS)
            raise InputError(
                f"{option}: a run goes on with the settings it began with; only its length can be given with --resume "
                f"({taken}). Start from its models with other settings: --from RUN"
            )
    values = parser.read(argv)
    if not values.resume:
        raise InputError("--resume: expected a run folder")
    length = {name: value for name, value in vars(values.loop).items() if value is not None}
    return Path(values.resume), values.accept_changes, length
