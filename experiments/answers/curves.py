"""Draw JSA against the length of its chains and the number of candidates, from what is kept of the runs.

python experiments/answers/curves.py ARCHIVE FILE [SET]
"""

from __future__ import annotations

import sys
from fnmatch import fnmatch
from pathlib import Path
from statistics import mean

import matplotlib.pyplot as plt

from jsarag.report.archive import Kept, parse, read_archive

SETTINGS = {
    "m, transitions of a chain (k 5)": {5: "m-5", 10: "m-10", 20: "m-20", 50: "jsa"},
    "k, passages of each retriever (m 50)": {5: "jsa", 10: "k-10", 20: "k-20"},
}
"""Axes, and the runs at each of their values."""
FIGURES = {"prior/mrr@10": "MRR@10 of the prior", "answers/f1": "F1 of the answers"}
"""What is drawn, of the test pairs."""


def measured(kept: list[Kept], name: str, figure: str) -> list[float]:
    """Percent, a value a seed."""
    part, metric = figure.split("/")
    summaries = [parse(run.place, run.summary) for run in kept if fnmatch(run.name, f"{name}-[0-9]")]
    return [100 * summary["after"][part][metric]["mean"] for summary in summaries]


def main() -> None:
    """Draw one data set: a dot a run, a line through the means."""
    kept, file, data = read_archive(Path(sys.argv[1])), Path(sys.argv[2]), (sys.argv[3:] or ["dstc11"])[0]
    figure, axes = plt.subplots(len(FIGURES), len(SETTINGS), figsize=(9, 6), layout="constrained", sharey="row")
    for row, (name, label) in zip(axes, FIGURES.items(), strict=True):
        for axis, (setting, runs) in zip(row, SETTINGS.items(), strict=True):
            found = {x: measured(kept, f"{data}-{run}", name) for x, run in runs.items()}
            drawn = {x: values for x, values in found.items() if values}
            axis.plot([*drawn], [mean(values) for values in drawn.values()])
            for x, values in drawn.items():
                axis.plot([x] * len(values), values, "o", color="C0", alpha=0.6)
            axis.set(xlabel=setting, xscale="log", xticks=[*runs], xticklabels=[str(x) for x in runs])
            axis.minorticks_off()
            axis.grid(alpha=0.3)
        row[0].set_ylabel(f"{label}, %")
    figure.suptitle(f"{data}, the same compute each")
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
