"""What the paper claims of the estimators, with the figures for it, and whether they bear it out."""

from __future__ import annotations

from typing import Any

from jsarag.lab.chains import slope

MARGIN = 1.1
"""How much more biased an estimator has to be for the claim to hold."""
WORLDS = {"synthetic": "synthetic", "real": "real models"}
COMPONENTS = ("prior", "generator")


def claims(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Each claim with ``figures`` and ``holds``, from what `jsarag.lab.run` measured."""
    found: list[dict[str, Any]] = []
    for name, where in WORLDS.items():
        if name in result["worlds"]:
            world = result["worlds"][name]
            found += [*_biased(world, where), *_tailed(world, where), *_convergent(world, where)]
    return found


def _biased(world: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """Top-K marginalisation against JSA, with the world's own q, and with the best that was measured."""
    ks = sorted({row["k"] for row in world["by_k"]})
    k = 5 if 5 in ks else ks[len(ks) // 2]
    best = max(row["quality"] for row in world["by_quality"])
    rows = {(r["objective"], r["component"]): r["bias"] for r in world["by_k"] if r["k"] == k}
    better = {(r["objective"], r["component"]): r["bias"] for r in world["by_quality"] if r["quality"] == best}
    return [
        {
            "claim": f"Top-K marginalisation is biased, and more than JSA ({component}, K = {k}, {where}, {q})",
            "figures": {"bias rag-sequence": rows["rag-sequence", component], "bias jsa": own["jsa", component]},
            "holds": rows["rag-sequence", component] > max(MARGIN * own["jsa", component], 0.01),
        }
        for component in COMPONENTS
        for q, own in (("own q", rows), (f"q of quality {best:g}", better))
    ]


def _tailed(world: dict[str, Any], where: str) -> list[dict[str, Any]]:
    tails = {(row["objective"], row["q"]): row for row in world["tails"]}
    return [
        {
            "claim": f"VRAG's gradient has a heavier tail than JSA's (posterior, {where}, {q} q): {label}",
            "figures": {"vrag": tails["vrag", q][figure], "jsa": tails["jsa", q][figure]},
            "holds": tails["vrag", q][figure] > tails["jsa", q][figure],
        }
        for q in dict.fromkeys(q for _, q in tails)
        for figure, label in (("q99", "99 % quantile of its length"), ("q99_over_median", "that over the median"))
    ]


def _convergent(world: dict[str, Any], where: str) -> list[dict[str, Any]]:
    if sum(row["m"] >= 10 for row in world["chains"] if row["method"] == "mis") < 2:
        return []
    fall = slope(world["chains"], "mis")
    return [
        {
            "claim": f"MIS converges as one over the root of m ({where}): exponent -0.5",
            "figures": {"exponent": fall},
            "holds": abs(fall + 0.5) < 0.1,
        }
    ]
