"""Draw what is kept of the runs: how stale an index gets, and what rebuilding it every R steps brings and costs.

python experiments/passages/plot.py docs/images/passages.png
"""

from __future__ import annotations

import sys
from fnmatch import fnmatch
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from jsarag.report.archive import Kept, parse, parse_lines, read_archive

KEPT = read_archive(Path(__file__).parent / "runs.parquet")
WAYS = {
    "frozen": "passages frozen",
    "own-0": "never rebuilt",
    "own-20": "R = 20",
    "own-10": "R = 10",
    "own-5": "R = 5",
    "own-10-slow": "R = 10, rate 2e-5",
    "own-10-share": "R = 10, rate 2e-5, batch's candidates",
}
"""Names of runs and how they are drawn."""


def runs(data: str, way: str) -> list[Kept]:
    """The kept runs of all seeds."""
    return [run for run in KEPT if fnmatch(run.name, f"{data}-{way}-[0-9]*")]


def logged(run: Kept, kind: str) -> list[dict[str, Any]]:
    """Rows of one kind."""
    return [row for row in parse_lines(run.place, run.metrics) if row["kind"] == kind]


def averaged(curves: list[list[tuple[int, float]]]) -> list[tuple[int, float]]:
    """Mean over seeds at the steps that all have."""
    by_step = [dict(curve) for curve in curves]
    return [(step, mean(one[step] for one in by_step)) for step in sorted(set.intersection(*map(set, by_step)))]


def staleness(axis: Axes, data: str) -> None:
    """Overlap of the index in use with a fresh one, over the steps."""
    for i, (way, label) in enumerate(WAYS.items()):
        curves = [
            [(row["step"], row["overlap"]) for row in logged(run, "index") if "overlap" in row]
            for run in runs(data, way)
        ]
        if curves and all(curves):
            axis.plot(*zip(*[(0, 1.0), *averaged(curves)], strict=True), marker=".", color=f"C{i}", label=label)
    axis.set(title=f"{data}: overlap of stale and fresh top k", xlabel="step", ylim=(0, 1.03))


def learning(axis: Axes, data: str) -> None:
    """MRR@10 on dev over the steps."""
    for i, (way, label) in enumerate(WAYS.items()):
        curves = [
            [(row["step"], 100 * row["prior"]["mrr@10"]) for row in logged(run, "dev")] for run in runs(data, way)
        ]
        if curves:
            axis.plot(*zip(*averaged(curves), strict=True), marker=".", color=f"C{i}", label=label)
    axis.set(title=f"{data}: MRR@10 of the prior, dev", xlabel="step")


def cost(axis: Axes, data: str) -> None:
    """MRR@10 on test against the seconds of rebuilding, a point a way, every seed small."""
    for i, (way, label) in enumerate(WAYS.items()):
        found = [parse(run.place, run.summary) for run in runs(data, way)]
        points = [(s["cost"]["rebuild_seconds"], 100 * s["after"]["prior"]["mrr@10"]["mean"]) for s in found]
        if points:
            axis.scatter(*zip(*points, strict=True), s=12, color=f"C{i}", alpha=0.5)
            axis.scatter(*map(mean, zip(*points, strict=True)), s=60, color=f"C{i}", label=label)
    axis.set(title=f"{data}: MRR@10 of the prior, test", xlabel="seconds of rebuilding")


def main() -> None:
    """One row of pictures a data set."""
    sets = [data for data in ("dstc11", "open-squad") if any(runs(data, way) for way in WAYS)]
    figure, axes = plt.subplots(len(sets), 3, figsize=(13, 3.3 * len(sets)), layout="constrained", squeeze=False)
    for row, data in zip(axes, sets, strict=True):
        for draw, axis in zip((learning, staleness, cost), row, strict=True):
            draw(axis, data)
            axis.grid(alpha=0.3)
    axes[0][0].legend(frameon=False, fontsize=8)
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
