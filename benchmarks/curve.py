"""How the cost of a JSA step changes over a run: seconds, distinct proposals and tokens of every step.

python benchmarks/curve.py RUN --json benchmarks/results/curve.json --plot docs/images/step-curve.png

RUN is the folder of a run made alone on its machine; evaluation and rebuilding are not in the seconds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import Any

from workload import markdown

from jsarag.files import read_jsonl, write_json
from jsarag.types import InputError

SHOWN = {
    "seconds a step": "step_seconds",
    "distinct proposals an example": "distinct_proposals",
    "acceptance": "acceptance",
    "effective sample size of q": "ess",
}
"""What is drawn, and its name in metrics.jsonl."""
WINDOW = 5
"""Steps over which a median is taken."""


def steps(run: Path) -> list[dict[str, Any]]:
    """The rows of a run's steps; their seconds are those of the step alone.

    Raises:
        InputError: no run, or one without steps.
    """
    rows = [row for _, row in read_jsonl(run / "metrics.jsonl") if row["kind"] == "step"]
    if len(rows) < 2 * WINDOW:
        raise InputError(f"{run}: expected a run of {2 * WINDOW} steps or more, found {len(rows)}")
    return rows


def plot(rows: list[dict[str, Any]], file: Path) -> None:
    """The curves, each with its running median."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(SHOWN), figsize=(13, 2.8), layout="constrained")
    for axis, (title, name) in zip(axes, SHOWN.items(), strict=True):
        values = [row[name] for row in rows]
        smooth = [median(values[max(i - WINDOW + 1, 0) : i + 1]) for i in range(len(values))]
        axis.plot([row["step"] for row in rows], values, ".", color="tab:gray", markersize=4)
        axis.plot([row["step"] for row in rows], smooth, color="tab:blue")
        axis.set(title=title, xlabel="step", ylim=(0, None))
        axis.grid(alpha=0.3)
    figure.savefig(file, dpi=110)


def main() -> int:
    """Print the first and the last steps side by side; 2 where there is no such run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--json", type=Path, help="results")
    parser.add_argument("--plot", type=Path, help="write a picture (.png)")
    options = parser.parse_args()
    try:
        rows = steps(options.run)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    ends = {
        title: [median(row[name] for row in part) for part in (rows[:WINDOW], rows[-WINDOW:])]
        for title, name in SHOWN.items()
    }
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        curves = {title: [row[name] for row in rows] for title, name in SHOWN.items()}
        write_json(options.json, {"settings": [{"steps": len(rows), "first and last": ends, "curves": curves}]})
    if options.plot:
        plot(rows, options.plot)
    table = [[title, f"{first:.2f}", f"{last:.2f}", f"{last / first:.2f}"] for title, (first, last) in ends.items()]
    print(markdown([f"median of {WINDOW} steps", "first", "last", "last/first"], table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
