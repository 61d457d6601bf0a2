"""The options by which commands name a finished run and how it answers, and the run they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from jsonargparse import Namespace

from jsarag import api, layout
from jsarag.decoding import DECODERS
from jsarag.display.terminal import Terminal
from jsarag.exporting import is_export
from jsarag.models import SEARCHES
from jsarag.parsing import Parser, load_run
from jsarag.run.work import finished
from jsarag.types import InputError

WEIGHTS = ("best", "last", "untrained")
SETTINGS = ("beams", "temperature", "top_p", "seed")
"""Options that belong to one way of searching."""


def add_run_options(parser: Parser, *, named: bool = True) -> None:
    """Add the run, ``--weights``, ``--mode``, ``--passages`` and the settings of the search.

    Args:
        parser: To which they are added.
        named: Whether the run is the option ``--run``, and not the first word.
    """
    required, told = {"required": True} if named else {}, "Run folder made by `jsarag train`, an export, or OWNER/NAME."
    parser.add_argument("--run" if named else "run", type=Path, help=told, **required)
    parser.add_argument("--weights", choices=WEIGHTS, default="best", help="Which weights of the run.")
    parser.add_argument(
        "--kb", type=Path, help="Other passages than the run's: a file or folder of them, or an index folder."
    )
    parser.add_argument("--mode", choices=list(DECODERS), default=None, help="Decoding; default: as in the run.")
    parser.add_argument(
        "--passages", type=int, default=None, help="Passages given to the decoder; default: as in the run."
    )
    parser.add_argument(
        "--search", choices=list(SEARCHES), default=None, help="How tokens are chosen; default: as in the run."
    )
    parser.add_argument("--beams", type=int, default=None, help="With --search beam: beginnings kept (4).")
    parser.add_argument("--temperature", type=float, default=None, help="With --search sample: divides the scores (1).")
    parser.add_argument("--top_p", type=float, default=None, help="With --search sample: only the likeliest (1: all).")
    parser.add_argument("--seed", type=int, default=None, help="With --search sample: fixes the draws (0).")


def load(values: Namespace, *, always: bool = True) -> api.Run:
    """Load the run that the values of `add_run_options` name, its decoding changed where they say so."""
    run = api.Run.load(values.run, weights=values.weights, always=always, display=Terminal())
    if not finished(run.folder) and not is_export(run.folder):
        told = f"step {run.places[0].step}" if run.places else "no step"
        Terminal().say(f"{run.folder}: not finished; it answers with its models of {told}")
    if values.kb is not None:
        run = run.with_passages(values.kb, display=Terminal())
    usual = run.pipeline.decoding
    names = ("mode", "passages", "search", *SETTINGS)
    given = {name: values[name] for name in names if values[name] is not None}
    if given.get("search", usual.search) != usual.search:
        given = dict.fromkeys(SETTINGS) | given  # those of the run belong to its own search
    with as_options():
        decoding = replace(usual, **given)
    run.pipeline.kb.check_k(decoding.passages, "--passages")
    return replace(run, pipeline=replace(run.pipeline, decoding=decoding))


def read_by(run: Path) -> list[str | Path]:
    """What a command reads that answers with this run: its folder, and the files, index and models it names."""
    if not (run / layout.CONFIG).is_file():
        return [run]
    config = load_run(run)
    files = [place for place in vars(config.data).values() if isinstance(place, Path)]
    named = [*files, config.index.path, config.encoder.model, config.generator.model]
    return [run, *(place for place in named if place is not None)]


@contextmanager
def as_options() -> Iterator[None]:
    """Let a mistake in the settings of decoding and serving name the option of the command line."""
    try:
        yield
    except InputError as error:
        raise InputError(re.sub(r"\b(decoding|serving)\.", "--", str(error))) from None
