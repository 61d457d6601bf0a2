"""``jsarag evaluate``: measure a run on a file of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jsarag.checks import positive
from jsarag.cli.figures import show_evaluation
from jsarag.cli.loading import add_run_options, load, read_by
from jsarag.decoding import DECODERS
from jsarag.display.terminal import Terminal
from jsarag.evaluation import Evaluation, Paired, check_baselines, check_table, write_table
from jsarag.files import write_json, write_jsonl
from jsarag.parsing import Parser
from jsarag.places import check_outputs
from jsarag.report.verdict import beside
from jsarag.run.outcome import outcome
from jsarag.types import InputError

DESCRIPTION = """Measure retrieval and answers of a run, each figure with a 95 % bootstrap interval."""

EXAMPLE = """jsarag evaluate --run runs/mine
jsarag evaluate --run runs/mine --data other.jsonl --table results.csv
jsarag evaluate --run runs/mine --baseline bm25
jsarag evaluate --run runs/mine --modes all"""

ALL = "all"


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag evaluate", description=DESCRIPTION, example=EXAMPLE)
    add_run_options(parser)
    parser.add_argument(
        "--modes",
        nargs="+",
        choices=[ALL, *DECODERS],
        default=None,
        help="Compare several ways of decoding, quality beside cost: names of --mode, or all.",
    )
    parser.add_argument(
        "--baseline",
        nargs="+",
        default=[],
        metavar="NAME",
        help="Measure retrievers without training beside the run: bm25, or names of encoders.",
    )
    parser.add_argument("--data", type=Path, default=None, help="Examples; default: the test pairs of the run.")
    parser.add_argument("--limit", type=int, default=None, help="Judge answers on the first so many examples.")
    parser.add_argument("--all", action="store_true", help="Show every figure, not only those that most people read.")
    parser.add_argument("--json", type=Path, default=None, help="Write the figures to this file.")
    parser.add_argument(
        "--rows", type=Path, default=None, help="Write one JSON object an example (and mode) to this file."
    )
    parser.add_argument(
        "--table", type=Path, default=None, help="Write the same as a flat table: .csv for spreadsheets, or .parquet."
    )
    values = parser.read(argv)
    modes = _modes(values.modes, values.mode)
    if values.limit is not None:
        positive("--limit", values.limit)
    if values.table:
        check_table(values.table, "--table")
    outputs = {f"--{option}": values[option] for option in ("json", "rows", "table")}
    check_outputs(outputs, [*read_by(values.run), *filter(None, [values.data])])
    check_baselines(values.baseline, "--baseline")
    loaded = load(values)
    files = loaded.config.data
    named = values.data or files.test or files.dev
    data = named or loaded.held_out()
    if not data:
        raise InputError("--data: expected a file of examples; the run has neither test nor dev pairs")
    settings = replace(loaded.config.evaluation, limit=values.limit or loaded.config.evaluation.limit)
    if modes:
        evaluation = loaded.evaluate_modes(data, modes, settings, Terminal())
    else:
        evaluation = loaded.evaluate(data, settings, Terminal())
    judged = f", answers to the first {settings.limit:,}" if settings.limit else ""
    title = f"{values.run} (weights: {values.weights}) on {named or f'the pairs held out of {files.train}'}{judged}"
    tests: dict[str, Paired] = {}
    if values.baseline:
        baselines = loaded.evaluate_baselines(data, values.baseline, settings, Terminal())
        tests = {} if modes else outcome(None, evaluation, baselines, settings.resamples)
        evaluation = _beside(evaluation, baselines)
    show_evaluation(evaluation.summary, title, every=values.all)
    for line in beside(evaluation.summary, tests):
        print(f"{line.title}: {line.text}")
    if values.json:
        write_json(values.json, evaluation.summary)
    if values.rows:
        write_jsonl(values.rows, evaluation.rows)
    if values.table:
        write_table(values.table, evaluation.rows)
    return 0


def _beside(evaluation: Evaluation, baselines: Evaluation) -> Evaluation:
    """The evaluation with the blocks and scores of baselines."""
    scores = {row["id"]: {name: value for name, value in row.items() if "/" in name} for row in baselines.rows}
    rows = [row | scores[row["id"]] for row in evaluation.rows]
    return Evaluation(evaluation.summary | baselines.summary, rows)


def _modes(named: list[str] | None, one: str | None) -> list[str]:
    """The modes to compare; none where ``--modes`` was not given."""
    if named and one:
        raise InputError("--modes: expected alone, without --mode")
    if named and len(set(named)) < len(named):
        raise InputError(f"--modes: expected each name once, got {' '.join(named)}")
    if named and ALL in named and len(named) > 1:
        raise InputError(f"--modes: expected {ALL} or names, got {' '.join(named)}")
    return list(DECODERS) if named == [ALL] else named or []
