"""The comparison of runs as figures, as a Markdown table and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jsarag.files import write_text
from jsarag.metrics import block_of
from jsarag.report.before_after import points
from jsarag.report.charts import contrast_chart, sweep_chart
from jsarag.report.compare import Group
from jsarag.report.curves import Line
from jsarag.report.templates import render

PARTS = ("prior", "posterior", "generator")
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
        cells = [group.label, *[text(group, name) for name in metrics], *costs(group)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def heading(metric: str) -> str:
    """The name of a metric, and its direction where a reader would take more for better."""
    block, _, name = metric.partition("/")
    return f"{metric}{block_of(block).figure(name).direction}"


def text(group: Group, metric: str) -> str:
    """``mean ± spread over seeds (difference, p)``, percent and points."""
    figure = group.figures[metric]
    mean = f"{100 * figure.estimate.mean:.1f}"
    if len(figure.seeds) > 1:
        mean += f" ± {100 * _deviation(figure.seeds):.1f}"
    if figure.versus is None or figure.p is None:
        return mean
    return f"{mean} ({points(figure.versus.mean)}, p {p_value(figure.p)})"


def p_value(p: float) -> str:
    """Three decimals, or that it is below a thousandth."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def costs(group: Group) -> list[str]:
    """Tokens scored and trained, in thousands, and peak memory."""
    scored, trained = (f"{group.cost[name] / 1000:,.0f} k" for name in ("tokens_scored", "tokens_trained"))
    return [scored, trained, f"{group.cost['peak_memory_bytes'] / 2**30:.1f} GiB"]


def write_contrast(groups: Sequence[Group], path: Path) -> Path:
    """Write the page: table, differences as pictures, dev curves overlaid, cost beside quality."""
    metrics = list(groups[0].figures)
    forests = [(heading(m), contrast_chart(f"Difference in {m}", _differences(groups, m))) for m in metrics]
    names = [name for name in metrics if all(name in group.curves for group in groups)]
    curves = []
    for name in names:
        for start in range(0, max(len(groups) - 1, 1), MOST - 1):
            # The reference stands in every chart.
            shown = [groups[0], *groups[1 + start : start + MOST]]
            lines = [_line(group, name) for group in shown if group.curves[name]]
            if lines:
                part = f"{name}, dev" + (f" ({start // (MOST - 1) + 1})" if len(groups) > MOST else "")
                curves.append((part, lines, sweep_chart(part, lines, "generator tokens, thousands", from_zero=False)))
    rows = [(g.label, len(g.members), [text(g, m) for m in metrics], costs(g), g.cost["seconds"]) for g in groups]
    values = {"reference": groups[0].label, "rows": rows, "forests": forests, "curves": curves}
    values["metrics"] = [*map(heading, metrics)]
    values["gradients"] = [(g.label, [_gradient(g, part) for part in PARTS]) for g in groups if g.gradients]
    write_text(path, render("contrast.html", **values))
    return path


def _gradient(group: Group, part: str) -> str:
    found = group.gradients.get(part)
    return f"{found['norm']:.3g}, {found['tail']:.1f}, {found['noise']:.2f}" if found else "–"


def _line(group: Group, metric: str) -> Line:
    xs, ys = zip(*group.curves[metric], strict=True)
    return Line(group.label, tuple(x / 1000 for x in xs), ys)


def _differences(groups: Sequence[Group], metric: str) -> list[tuple[str, float, float, float]]:
    found = [(group.label, group.figures[metric].versus) for group in groups]
    return [(label, 100 * v.mean, 100 * v.low, 100 * v.high) for label, v in found if v is not None]


def _deviation(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return float((sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5)
