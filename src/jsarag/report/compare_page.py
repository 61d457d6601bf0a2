"""The comparison of runs as figures, as a Markdown table and as a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jsarag.files import write_text
from jsarag.metrics import block_of
from jsarag.report.charts import contrast_chart, sweep_chart
from jsarag.report.compare import Group
from jsarag.report.curves import Line
from jsarag.report.numbers import change, number, p_told
from jsarag.report.standing import figure_of, leader, letters, standings, title_of
from jsarag.report.templates import render

PARTS = ("prior", "posterior", "generator")
COSTS = ("tokens scored", "tokens trained", "memory at most", "time")
MOST = 8
"""Groups in one chart of curves."""


def contrast_figures(groups: Sequence[Group]) -> dict[str, Any]:
    """Everything in plain numbers, for JSON."""
    return {
        "reference": groups[0].label,
        "groups": [
            {
                "label": group.label,
                "runs": [str(member.folder) for member in group.members],
                "figures": {name: asdict(figure) for name, figure in group.figures.items()},
                "cost": group.cost,
                "curves": group.curves,
                "gradients": group.gradients,
            }
            for group in groups
        ],
    }


def contrast_markdown(groups: Sequence[Group]) -> str:
    """A Markdown table: means in percent, spread over seeds, difference from the reference and p, cost."""
    metrics = list(groups[0].figures)
    head = ["", *map(heading, metrics), "tokens scored", "trained", "memory"]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' --- |' * (len(head) - 1)}"]
    for group in groups:
        cells = [_as_markdown(group.label), *[text(group, name) for name in metrics], *costs(group)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _as_markdown(text: str) -> str:
    """A name as Markdown shows it: no cell ends in it, and no HTML or link begins."""
    return re.sub(r"([\\`*\[\]<>|&])", r"\\\1", " ".join(text.split()))


def heading(metric: str) -> str:
    """The name of a metric, and its direction where a reader would take more for better."""
    block, _, name = metric.partition("/")
    return f"{metric}{block_of(block).figure(name).direction}"


def text(group: Group, metric: str) -> str:
    """``mean ± spread over seeds (difference, p)``, percent and points."""
    test = difference_text(group, metric)
    return f"{mean_text(group, metric)} ({test})" if test else mean_text(group, metric)


def mean_text(group: Group, metric: str) -> str:
    """``mean ± spread over seeds``."""
    figure, unit = group.figures[metric], figure_of(metric).unit
    mean = number(figure.estimate.mean, unit)
    return f"{mean} ± {number(_deviation(figure.seeds), unit)}" if len(figure.seeds) > 1 else mean


def difference_text(group: Group, metric: str) -> str:
    """Difference from the reference with its p; empty for the reference."""
    figure = group.figures[metric]
    if figure.versus is None or figure.p is None:
        return ""
    return f"{change(figure.versus.mean, figure_of(metric).unit)}, {p_told(figure.p).replace('= ', '')}"


def costs(group: Group) -> list[str]:
    """Tokens scored and trained, in thousands, and peak memory."""
    scored, trained = (f"{group.cost[name] / 1000:,.0f} k" for name in ("tokens_scored", "tokens_trained"))
    return [scored, trained, f"{group.cost['peak_memory_bytes'] / 2**30:.1f} GiB"]


def write_contrast(groups: Sequence[Group], path: Path) -> Path:
    """Write the page: who is ahead, a table with a metric a row, differences as pictures, dev curves, cost."""
    metrics = list(groups[0].figures)
    short = letters(groups)
    names = dict(zip([group.label for group in groups], short, strict=True))
    forests = [
        (title_of(m), contrast_chart(f"Difference in {m}", _differences(groups, m, names), figure_of(m).unit))
        for m in metrics
    ]
    curves = []
    for name in [name for name in metrics if all(name in group.curves for group in groups)]:
        for start in range(0, max(len(groups) - 1, 1), MOST - 1):
            # The reference stands in every chart.
            shown = [groups[0], *groups[1 + start : start + MOST]]
            lines = [_line(group, name, names) for group in shown if group.curves[name]]
            if lines:
                part = f"{title_of(name)}, dev" + (f" ({start // (MOST - 1) + 1})" if len(groups) > MOST else "")
                curves.append((part, lines, sweep_chart(part, lines, "generator tokens, thousands", from_zero=False)))
    rows = [(title_of(m), m, heading(m), [(mean_text(g, m), difference_text(g, m)) for g in groups]) for m in metrics]
    spent = [[*costs(group), f"{group.cost['seconds']:.0f} s"] for group in groups]
    values: dict[str, Any] = {"reference": groups[0].label, "rows": rows, "forests": forests, "curves": curves}
    values["groups"] = [(a, group.label, len(group.members)) for a, group in zip(short, groups, strict=True)]
    values["leader"], values["standings"] = leader(groups), standings(groups)
    values["costs"] = list(zip(COSTS, zip(*spent, strict=True), strict=True))
    values["gradients"] = [(names[g.label], [_gradient(g, part) for part in PARTS]) for g in groups if g.gradients]
    write_text(path, render("contrast.html", **values))
    return path


def _gradient(group: Group, part: str) -> str:
    found = group.gradients.get(part)
    return f"{found['norm']:.3g}, {found['tail']:.1f}, {found['noise']:.2f}" if found else "–"


def _line(group: Group, metric: str, names: Mapping[str, str]) -> Line:
    xs, ys = zip(*group.curves[metric], strict=True)
    return Line(names[group.label], tuple(x / 1000 for x in xs), ys)


def _differences(
    groups: Sequence[Group], metric: str, names: Mapping[str, str]
) -> list[tuple[str, float, float, float]]:
    found = [(names[group.label], group.figures[metric].versus) for group in groups]
    scale = 100 if figure_of(metric).unit == "percent" else 1
    return [(label, scale * v.mean, scale * v.low, scale * v.high) for label, v in found if v is not None]


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return float((sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5)
