"""Draw what is kept of the runs: retrieval against what was spent, and the course of the chains.

python docs/experiments/answers/plot.py FOLDER docs/images/answers.png [SET], of a folder with kept runs
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import mean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from jsarag.files import read_jsonl

LABELS = {
    "jsa": "JSA",
    "rag-sequence": "RAG-Sequence",
    "vrag": "VRAG",
    "gold": "gold labels",
    "decoupled": "decoupled",
}
"""Objectives and how they are drawn."""
CHAIN = {
    "acceptance": "acceptance",
    "ess": "effective sample size of q, share",
    "states": "states a chain stood on, of those proposed",
}
"""Figures of the chains."""


def curves(folder: Path, data: str, objective: str) -> list[list[dict[str, Any]]]:
    """The logged rows of every seed."""
    runs = sorted(folder.glob(f"{data}-{objective}-[0-9]*"))
    return [[row for _, row in read_jsonl(run / "metrics.jsonl")] for run in runs]


def spent(row: dict[str, Any]) -> float:
    """Thousands of tokens, those with gradient counted three times (`loop.compute`)."""
    return float(row["tokens_scored"] + 3 * row["tokens_trained"]) / 1000


def learning(axis: Axes, folder: Path, data: str) -> None:
    """MRR@10 on dev against compute, a line a seed."""
    for i, (objective, label) in enumerate(LABELS.items()):
        for seed, rows in enumerate(curves(folder, data, objective)):
            at = {0: 0.0} | {row["step"]: spent(row) for row in rows if row["kind"] == "step"}
            points = [(at[row["step"]], 100 * row["prior"]["mrr@10"]) for row in rows if row["kind"] == "dev"]
            axis.plot(*zip(*points, strict=True), marker=".", color=f"C{i}", label=None if seed else label, alpha=0.7)
    axis.set(title=f"{data}: MRR@10 of the prior, dev", xlabel="thousands of tokens, with gradient thrice")


def chains(axis: Axes, folder: Path, data: str) -> None:
    """Figures of the chains over the steps, seeds and five steps averaged."""
    runs = [[row for row in rows if row["kind"] == "step"] for rows in curves(folder, data, "jsa")]
    rows = [row | {"states": row["distinct_states"] / row["distinct_proposals"]} for run in runs for row in run]
    for key, label in CHAIN.items():
        by_step: dict[int, list[float]] = {}
        for row in rows:
            by_step.setdefault(5 * ((row["step"] - 1) // 5) + 3, []).append(row[key])
        axis.plot([*by_step], [mean(values) for values in by_step.values()], marker=".", label=label)
    axis.set(title=f"{data}: the chains of JSA", xlabel="step", ylim=(0, 1))


def main() -> None:
    """Draw one data set."""
    folder, file, data = Path(sys.argv[1]), Path(sys.argv[2]), (sys.argv[3:] or ["dstc11"])[0]
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    learning(axes[0], folder, data)
    chains(axes[1], folder, data)
    for axis in axes:
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
