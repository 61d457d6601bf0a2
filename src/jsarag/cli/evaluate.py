"""``jsarag evaluate``: measure a run on a file of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jsarag.cli.display import Terminal
from jsarag.cli.figures import show_evaluation
from jsarag.cli.loading import add_run_options, load
from jsarag.files import write_json, write_jsonl
from jsarag.parsing import Parser
from jsarag.types import InputError

DESCRIPTION = (
    """Measure retrieval (prior and posterior) and answers of a run, each figure with a 95 % bootstrap interval."""
)


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag evaluate", description=DESCRIPTION, exit_on_error=False)
    add_run_options(parser)
    parser.add_argument("--data", type=Path, default=None, help="Examples; default: the test pairs of the run.")
    parser.add_argument("--limit", type=int, default=None, help="Judge answers on the first so many examples.")
    parser.add_argument("--json", type=Path, default=None, help="Write the figures to this file.")
    parser.add_argument("--rows", type=Path, default=None, help="Write one JSON object an example to this file.")
    values = parser.read(argv)
    loaded = load(values)
    data = values.data or loaded.config.data.test or loaded.config.data.dev
    if data is None:
        raise InputError("--data: expected a file of examples; the run has neither test nor dev pairs")
    settings = replace(loaded.config.evaluation, limit=values.limit or loaded.config.evaluation.limit)
    evaluation = loaded.evaluate(data, settings, Terminal())
    show_evaluation(evaluation.summary)
    if values.json:
        write_json(values.json, evaluation.summary)
    if values.rows:
        write_jsonl(values.rows, evaluation.rows)
    return 0
