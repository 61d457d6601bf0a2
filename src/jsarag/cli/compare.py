"""``jsarag compare``: runs side by side, with paired tests, intervals and cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsarag import api
from jsarag.checks import require, up_to
from jsarag.cli.figures import show_contrast
from jsarag.parsing import Parser
from jsarag.places import check_outputs
from jsarag.report.archive import APART, files_of

DESCRIPTION = """Compare finished runs on the same test examples.

Runs that differ in their seed alone are taken together. Each group is tested against the first (or --reference) by a
paired randomisation test over examples; the differences have intervals over seeds and examples. Cost stands beside
quality."""

EXAMPLE = """jsarag compare runs/a runs/b --out compare.html"""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag compare", description=DESCRIPTION, example=EXAMPLE)
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN",
        help="Run folders, or runs in an archive: FILE.parquet for all, FILE.parquet::PATTERN for some; two or more.",
    )
    parser.add_argument(
        "--metrics", nargs="+", default=[], help="block/metric, such as prior/mrr@10; default: the usual ones."
    )
    parser.add_argument(
        "--reference",
        type=str,
        help="Group to test against: its label, or its objective where one group has that; default: the first run's.",
    )
    parser.add_argument("--resamples", type=int, default=10_000, help="Of the randomisation test.")
    parser.add_argument("--json", type=Path, help="File for all figures.")
    parser.add_argument("--markdown", type=Path, help="File for the table in Markdown.")
    parser.add_argument("--out", type=Path, help="File for the page with table, pictures and curves.")
    values = parser.read(argv)
    up_to("--resamples", values.resamples)
    runs, metrics = _apart(values.runs, values.metrics)
    page = values.out is None or values.out.suffix.lower() in (".html", ".htm")
    require(page, "--out", "a file whose name ends in .html", str(values.out))
    check_outputs(
        {f"--{option}": values[option] for option in ("json", "markdown", "out")},
        [f for run in runs for f in files_of(run)],
    )
    groups = api.compare(
        runs,
        metrics=metrics,
        reference=values.reference,
        resamples=values.resamples,
        figures=values.json,
        markdown=values.markdown,
        page=values.out,
    )
    show_contrast(groups)
    for what, file in (("figures", values.json), ("table", values.markdown), ("page", values.out)):
        if file is not None:
            print(f"{what}: {file}")
    return 0


def _apart(runs: Sequence[Path], metrics: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Runs and metrics, where runs were written after ``--metrics a b``: what exists is a run."""
    late = [name for name in metrics if APART in name or Path(name).exists()]
    return [*runs, *map(Path, late)], [name for name in metrics if name not in late]
