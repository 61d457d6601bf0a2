"""The options by which commands name a finished run and how it answers, and the run they name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jsonargparse import Namespace

from jsarag import api
from jsarag.cli.display import Terminal
from jsarag.decoding import DECODERS
from jsarag.parsing import Parser

WEIGHTS = ("best", "last", "untrained")


def add_run_options(parser: Parser) -> None:
    """Add ``--run``, ``--weights``, ``--mode`` and ``--passages``."""
    parser.add_argument("--run", type=Path, required=True, help="Run folder made by `jsarag train`.")
    parser.add_argument("--weights", choices=WEIGHTS, default="best", help="Which weights of the run.")
    parser.add_argument("--mode", choices=list(DECODERS), default=None, help="Decoding; default: as in the run.")
    parser.add_argument(
        "--passages", type=int, default=None, help="Passages given to the decoder; default: as in the run."
    )


def load(values: Namespace) -> api.Run:
    """Load the run that the values of `add_run_options` name, its decoding changed where they say so."""
    run = api.Run.load(values.run, weights=values.weights, display=Terminal())
    usual = run.pipeline.decoding
    passages = usual.passages if values.passages is None else values.passages
    decoding = replace(usual, mode=values.mode or usual.mode, passages=passages)
    run.pipeline.kb.check_k(decoding.passages, "--passages")
    return replace(run, pipeline=replace(run.pipeline, decoding=decoding))
