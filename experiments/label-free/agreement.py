"""How well figures without passage labels agree with gold: example by example, and run by run.

Reads the rows that runs with labels leave in ``evaluation/before.jsonl`` and ``after.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from jsarag.evaluation.pairing import Paired, paired
from jsarag.files import read_json, read_jsonl

GOLD = {1: "prior/hit@1", 5: "prior/hit@5"}
BINARY = {k: f"evidence/answer@{k}" for k in GOLD}
GRADED = {k: f"evidence/words@{k}" for k in GOLD}
LIKELIHOOD = "likelihood/per_token"
ALONE = "likelihood/closed_book"
SURE = 0.05

Row = dict[str, Any]


def phi(found: Sequence[float], gold: Sequence[float]) -> float | None:
    """Correlation of two yes-or-no figures; None where one of them is the same for all examples."""
    x, y = np.asarray(found, dtype=float), np.asarray(gold, dtype=float)
    return float(np.corrcoef(x, y)[0, 1]) if x.std() and y.std() else None


def auc(found: Sequence[float], gold: Sequence[float]) -> float | None:
    """Chance that an example with the gold passage has a higher figure than one without; equal figures count half."""
    right = np.asarray(gold, dtype=bool)
    hits, misses = int(right.sum()), int((~right).sum())
    if not hits or not misses:
        return None
    return float((rankdata(found)[right].sum() - hits * (hits + 1) / 2) / (hits * misses))


def examples(rows: Sequence[Row]) -> dict[str, float | None]:
    """Agreement example by example, over the rows of both sides of a run."""
    found: dict[str, float | None] = {}
    for k, gold in GOLD.items():
        truth = [row[gold] for row in rows]
        found[f"gold@{k}"] = sum(truth) / len(truth)
        found[f"phi answer@{k}"] = phi([row[BINARY[k]] for row in rows], truth)
        found[f"AUC words@{k}"] = auc([row[GRADED[k]] for row in rows], truth)
        scored = [row for row in rows if LIKELIHOOD in row]
        # What the passages add: answers differ more in how likely they are by themselves.
        found[f"AUC gain in log p, gold@{k}"] = auc(
            [row[LIKELIHOOD] - row[ALONE] for row in scored], [row[gold] for row in scored]
        )
    return found


def moves(before: Sequence[Row], after: Sequence[Row]) -> Paired:
    """Each figure after training against before."""
    names = [*GOLD.values(), *BINARY.values(), *GRADED.values(), LIKELIHOOD]
    return paired(before, after, [(name, name) for name in names])


def same_way(test: dict[str, float], gold: dict[str, float]) -> str:
    """Whether a figure moves as gold does: yes, no, or that one of them did not move beyond chance."""
    if test["p"] >= SURE or gold["p"] >= SURE:
        return "level"
    return "yes" if test["mean"] * gold["mean"] > 0 else "NO"


def measure(run: Path) -> dict[str, Any]:
    """Both kinds of agreement of one run."""
    before, after = (
        [row for _, row in read_jsonl(run / "evaluation" / f"{side}.jsonl")] for side in ("before", "after")
    )
    contrasts = {
        "before to after training": moves(before, after),
        "trained, against BM25": read_json(run / "summary.json")["paired"].get("baseline:bm25", {}),
    }
    return {
        "examples": len(after),
        "agreement": examples([*before, *after]),
        "contrasts": {
            name: {"moves": found, "same way": same_ways(found)} for name, found in contrasts.items() if found
        },
    }


def same_ways(found: Paired) -> dict[str, str]:
    """Of each figure without labels, whether it moves as gold does at the same k; the likelihood as at k = 5."""
    pairs = [(name, GOLD[k]) for k in GOLD for name in (BINARY[k], GRADED[k])] + [(LIKELIHOOD, GOLD[5])]
    return {name: same_way(found[name], found[gold]) for name, gold in pairs if name in found}


def markdown(measured: dict[str, dict[str, Any]]) -> str:
    """Both tables."""
    columns = list(next(iter(measured.values()))["agreement"])
    lines = [f"| set | test pairs | {' | '.join(columns)} |", f"| --- | --- |{' --- |' * len(columns)}"]
    for name, one in measured.items():
        cells = [cell(one["agreement"][column], share=column.startswith("gold")) for column in columns]
        lines.append(f"| {name} | {one['examples']} | {' | '.join(cells)} |")
    figures = [*GOLD.values(), *BINARY.values(), *GRADED.values(), LIKELIHOOD]
    titles = [figure.partition("/")[2] for figure in figures]
    lines += ["", f"| set | | {' | '.join(titles)} |", f"| --- | --- |{' --- |' * len(figures)}"]
    for name, one in measured.items():
        for contrast, found in one["contrasts"].items():
            told = [move(figure, found["moves"].get(figure), found["same way"].get(figure)) for figure in figures]
            lines.append(f"| {name} | {contrast} | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def move(figure: str, test: dict[str, float] | None, way: str | None) -> str:
    """The change in points or nats, a star where it is more than chance, and whether gold moves the same way."""
    if test is None:
        return "-"
    value = f"{test['mean']:+.2f}" if figure == LIKELIHOOD else f"{100 * test['mean']:+.1f}"
    return value + (" *" if test["p"] < SURE else "") + (f" {way}" if way else "")


def cell(value: float | None, *, share: bool) -> str:
    """A share in percent, an agreement with two decimals; a dash where it is not defined."""
    if value is None or math.isnan(value):
        return "-"
    return f"{100 * value:.1f}" if share else f"{value:.2f}"


def main() -> None:
    """Write and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    values = parser.parse_args()
    measured = {run.name: measure(run) for run in values.runs}
    table = markdown(measured)
    print(table)
    if values.markdown:
        values.markdown.write_text(table, encoding="utf-8")
    if values.json:
        values.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
