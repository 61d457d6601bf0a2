"""Draw what a threshold on the evidence does to the questions of its own set.

python experiments/abstention/plot.py docs/images/abstention.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt

ROWS = json.loads((Path(__file__).parent / "table.json").read_text(encoding="utf-8"))


def main() -> None:
    """Draw precision against coverage, a line a set; a dot marks the threshold that keeps 95 of 100 questions."""
    figure, axis = plt.subplots(figsize=(6, 4))
    for i, row in enumerate(ROWS):
        points = sorted((point["coverage"], point["precision"]) for point in row["curve"])
        axis.plot(*zip(*points, strict=True), color=f"C{i}", label=row["set"])
        axis.plot(row["coverage_dev"], row["precision"], marker="o", color=f"C{i}")
    axis.set(xlabel="share of dev questions answered", ylabel="share of these with a right passage among 5")
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02))
    axis.legend()
    figure.tight_layout()
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
