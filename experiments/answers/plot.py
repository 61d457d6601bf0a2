"""Draw what is kept of the runs: retrieval against what was spent, and the course of the chains.

python experiments/answers/plot.py ARCHIVE FILE [SET...], of an archive of runs; chains are of the first set
"""

from __future__ import annotations

import sys
from fnmatch import fnmatch
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from jsarag.report.archive import Kept, parse_lines, read_archive

LABELS = {
    "jsa": "JSA",
    "rag-sequence": "RAG-Sequence",
    "vrag": "VRAG",
    "gold": "gold labels",
    "decoupled": "decoupled",
    "frozen": "frozen",
}
"""Objectives and how they are drawn."""
CHAIN = {
    "acceptance": "acceptance",
    "ess": "effective sample size of q, share",
    "states": "states a chain stood on, of those proposed",
}
"""Figures of the chains."""


def logged(runs: list[Kept], data: str, objective: str) -> list[list[dict[str, Any]]]:
    """The logged rows of every seed."""
    found = [run for run in runs if fnmatch(run.name, f"{data}-{objective}-[0-9]*")]
    return [parse_lines(run.place, run.metrics) for run in found]


def spent(row: dict[str, Any]) -> float:
    """Thousands of tokens, those with gradient counted three times (`loop.compute`)."""
    return float(row["tokens_scored"] + 3 * row["tokens_trained"]) / 1000


def learning(axis: Axes, kept: list[Kept], data: str) -> None:
    """MRR@10 on dev against compute: mean of the seeds, and the band from the lowest to the highest."""
    for i, (objective, label) in enumerate(LABELS.items()):
        at: dict[int, list[tuple[float, float]]] = {}
        runs = logged(kept, data, objective)
        for rows in runs:
            cost = {0: 0.0} | {row["step"]: spent(row) for row in rows if row["kind"] == "step"}
            dev = [(row["step"], 100 * row["prior"]["mrr@10"]) for row in rows if row["kind"] == "dev"]
            for n, (step, score) in enumerate(dev):  # the last is at the end, whose step differs from seed to seed
                at.setdefault(-1 if n == len(dev) - 1 else step, []).append((cost[step], score))
        points = sorted(
            (mean(c for c, _ in found), [s for _, s in found]) for found in at.values() if len(found) == len(runs)
        )
        if points:
            costs, scores = zip(*points, strict=True)
            axis.plot(costs, [mean(s) for s in scores], marker=".", color=f"C{i}", label=label)
            axis.fill_between(costs, [min(s) for s in scores], [max(s) for s in scores], color=f"C{i}", alpha=0.2, lw=0)
    axis.set(title=f"{data}: MRR@10 of the prior, dev", xlabel="thousands of tokens, with gradient thrice")


def chains(axis: Axes, kept: list[Kept], data: str) -> None:
    """Figures of the chains over the steps, seeds and five steps averaged."""
    runs = [[row for row in rows if row["kind"] == "step"] for rows in logged(kept, data, "jsa")]
    rows = [row | {"states": row["distinct_states"] / row["distinct_proposals"]} for run in runs for row in run]
    for key, label in CHAIN.items():
        by_step: dict[int, list[float]] = {}
        for row in rows:
            by_step.setdefault(5 * ((row["step"] - 1) // 5) + 3, []).append(row[key])
        axis.plot([*by_step], [mean(values) for values in by_step.values()], marker=".", label=label)
    axis.set(title=f"{data}: the chains of JSA", xlabel="step", ylim=(0, 1))


def main() -> None:
    """Draw every set, two panels a row."""
    kept, file, sets = read_archive(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3:] or ["dstc11"]
    rows = (len(sets) + 2) // 2
    figure, axes = plt.subplots(rows, 2, figsize=(11, 4 * rows), layout="constrained", squeeze=False)
    panels = [*axes.flat]
    for axis, data in zip(panels, sets, strict=False):
        learning(axis, kept, data)
    chains(panels[len(sets)], kept, sets[0])
    for axis in panels[: len(sets) + 1]:
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    for axis in panels[len(sets) + 1 :]:
        axis.remove()
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
