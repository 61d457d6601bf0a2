"""The page of the laboratory: claims with figures, bias and variance of every objective, chains, tails, recovery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsarag.files import write_text
from jsarag.report.charts import sweep_chart
from jsarag.report.curves import Line
from jsarag.report.templates import render

Rows = Sequence[dict[str, Any]]

MAIN = ("jsa", "rag-sequence", "vrag", "rws", "vod", "emdr2", "pdist", "rag-token")
"""Objectives drawn as curves, at most eight; the tables hold all of them."""
WORLDS = {"synthetic": "synthetic", "real": "real models"}
COMPONENTS = {"prior": "prior retriever", "posterior": "posterior retriever", "generator": "generator"}


@dataclass(frozen=True)
class Chart:
    """A drawn chart."""

    title: str
    lines: list[Line]
    svg: str


@dataclass(frozen=True)
class Section:
    """Some charts under one heading."""

    title: str
    text: str
    charts: list[Chart]


def write_laboratory(result: dict[str, Any], path: Path) -> Path:
    """Write the page of what `jsarag.lab.run` found; needs no network, no script, no other file."""
    sections = [section for section in _sections(result) if section.charts]
    write_text(
        path,
        render(
            "laboratory.html",
            claims=result["claims"],
            sections=sections,
            tables=_tables(result),
            recovery=result.get("recovery_summary", []),
        ),
    )
    return path


def _sections(result: dict[str, Any]) -> list[Section]:
    worlds = result["worlds"]
    recovery = result.get("recovery", [])
    return [
        Section(
            "Bias against K",
            "Length of (mean gradient − exact gradient) over the length of the exact gradient; 0 is unbiased. At K = "
            "N only estimators of log p(y|x) reach 0; the others follow other aims, and their distance is no fault by "
            "itself.",
            _curves(worlds, "by_k", "k", "K", ("bias",), log_x=True),
        ),
        Section(
            "Direction against K",
            "Angle between mean and exact gradient, degrees: what is left of the bias when the scale of a loss is "
            "free.",
            _curves(worlds, "by_k", "k", "K", ("angle",), log_x=True),
        ),
        Section(
            "Sampling against m",
            "Over the whole KB, where bias comes from the sampler alone, and the variance of a single gradient over "
            "the squared length of the exact one.",
            _curves(worlds, "by_m", "m", "m", ("bias", "variance"), log_x=True),
        ),
        Section(
            "Quality of the posterior retriever",
            "q proportional to the exact posterior to the power on the axis: 0 is uniform, 1 exact. K = 5, m = 50.",
            _curves(worlds, "by_quality", "quality", "quality of q", ("bias", "variance")),
        ),
        Section(
            "Convergence of the chain",
            "Root mean square distance of the sampled weights from the posterior; MIS falls as one over the root of "
            "m. Beside it the same chain with a start kept from slightly older models (cache), with the first half "
            "not counted (burn-in), with accept/reject replaced by its expectation (occupancy), and self-normalised "
            "importance sampling (rws).",
            [
                _drawn(f"Error of the weights, {where}", rows, "method", "m", "m", "error", log_x=True, log_y=True)
                for where, rows in _each(worlds, "chains")
            ],
        ),
        Section(
            "Mixing against the quality of q",
            "m = 50. Effective share: independent states a chain is worth over m. Distance: total variation between "
            "weights and posterior.",
            [_mixing(rows, where) for where, rows in _each(worlds, "mixing")],
        ),
        Section(
            "Tails",
            "Lengths of single gradients of the posterior retriever, by quantile over examples: a long climb at the "
            "right is a heavy tail. With the world's own q, and with a random one that is sure and wrong.",
            [
                _drawn(f"{where}, {q} q", [r for r in rows if r["q"] == q], "objective", "share", "quantile", "length")
                for where, rows in _each(worlds, "tail_curves")
                for q in dict.fromkeys(row["q"] for row in rows)
            ],
        ),
        Section(
            "Recovery from a poor posterior retriever",
            "Training of the retrievers' tables by Adam (rate 0.1), the generator fixed, K = 5, m = 50, from q half "
            "way to the posterior, from a vague random q (logits of standard deviation 1) and from one that is sure "
            "and wrong (4). rag-sequence has no q.",
            [
                _drawn(
                    f"{label}, q at first {q}",
                    [r for r in recovery if r["q"] == q],
                    "objective",
                    "step",
                    "step",
                    figure,
                )
                for figure, label in (("marginal", "log p(y|x) over the KB"), ("kl", "KL(posterior ‖ q)"))
                for q in dict.fromkeys(row["q"] for row in recovery)
            ],
        ),
    ]


def _each(worlds: dict[str, Any], name: str) -> list[tuple[str, Rows]]:
    return [(WORLDS[world], measured[name]) for world, measured in worlds.items()]


def _curves(
    worlds: dict[str, Any], name: str, column: str, xlabel: str, figures: Sequence[str], *, log_x: bool = False
) -> list[Chart]:
    """A chart for each world, figure and component."""
    return [
        _drawn(
            f"{figure.capitalize()}, {label}, {where}",
            [row for row in rows if row["component"] == component and row["objective"] in MAIN],
            "objective",
            column,
            xlabel,
            figure,
            log_x=log_x,
        )
        for where, rows in _each(worlds, name)
        for figure in figures
        for component, label in COMPONENTS.items()
    ]


def _drawn(
    title: str,
    rows: Rows,
    label: str,
    column: str,
    xlabel: str,
    figure: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
) -> Chart:
    """One line for each value of ``label``."""
    lines = []
    names = list(dict.fromkeys(row[label] for row in rows))
    # An objective looks the same in every chart; other labels take what is left.
    left = iter([i for i in range(len(MAIN)) if MAIN[i] not in names])
    for name in names:
        own = sorted((row[column], row[figure]) for row in rows if row[label] == name and row[figure] is not None)
        xs, ys = zip(*own, strict=True)
        lines.append(Line(name, xs, ys, series=MAIN.index(name) if name in MAIN else next(left)))
    return Chart(title, lines, sweep_chart(f"{title} by {xlabel}", lines, xlabel, log_x=log_x, log_y=log_y))


def _mixing(rows: Rows, where: str) -> Chart:
    xs = tuple(row["quality"] for row in rows)
    figures = ("acceptance", "autocorrelation", "effective_share", "distance")
    lines = [Line(figure.replace("_", " "), xs, tuple(row[figure] for row in rows)) for figure in figures]
    return Chart(f"Chain of 50, {where}", lines, sweep_chart(f"Mixing, {where}", lines, "quality of q"))


def _tables(result: dict[str, Any]) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Titles with rows: an objective, and angle, bias and variance of each component."""
    made = []
    for where, rows in _each(result["worlds"], "by_k"):
        k = _middle([row["k"] for row in rows])
        made.append((f"{where.capitalize()}, K = {k}", _cells([row for row in rows if row["k"] == k])))
    return made


def _middle(ks: list[int]) -> int:
    return 5 if 5 in ks else sorted(set(ks))[len(set(ks)) // 2]


def _cells(rows: Rows) -> list[tuple[str, list[str]]]:
    made = []
    for name in dict.fromkeys(row["objective"] for row in rows):
        own = {row["component"]: row for row in rows if row["objective"] == name}
        cells = [
            _cell(own, c, figure, form)
            for c in COMPONENTS
            for figure, form in (("angle", ".0f"), ("bias", ".2f"), ("variance", ".3f"))
        ]
        made.append((name, cells))
    return made


def _cell(own: dict[str, dict[str, Any]], component: str, figure: str, form: str) -> str:
    value = own.get(component, {}).get(figure)
    return "–" if value is None else f"{value:{form}}"
