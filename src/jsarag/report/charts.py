"""Small SVG charts to stand inside a page, drawn by matplotlib in the page's own colours and font.

matplotlib draws with stand-in colours; in the SVG text these become CSS variables, so that a chart follows the light or
dark mode of the page: ``currentColor``, ``--paper``, ``--rule``, ``--series-1`` to ``--series-8``.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jsarag.metrics import Bin, Unit
from jsarag.report.before_after import Row
from jsarag.report.curves import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, RULE, PAPER = "#010101", "#020202", "#020203"
SERIES = tuple(f"#{i:02x}{i:02x}{i:02x}" for i in range(3, 11))
COLOURS = {
    PAPER: "var(--paper)",
    INK: "currentColor",
    RULE: "var(--rule)",
    **{colour: f"var(--series-{i})" for i, colour in enumerate(SERIES, start=1)},
}
"""Stand-in colours and what takes their place."""

DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5, 2),
    (1.5, 1.5),
    (8, 2, 1.5, 2),
    (3, 3),
    (8, 3),
    (5, 1.5, 1.5, 1.5, 1.5, 1.5),
    (1, 3),
)
"""Dash pattern of each series, in points, so that no series is told by its colour alone."""

CLEANING = (
    (r"<metadata>.*?</metadata>", ""),
    (r"<defs>\s*<style.*?</style>\s*</defs>", ""),  # it would style the whole page
    (r'<g id="[^"]*"', "<g"),  # the same in every chart, and nothing refers to them
    (r"xlink:href", "href"),
    (r"font-family: [^;\"]*; ?", ""),
    (r"(?<=\d\.\d\d)\d+(?=[^<>]*>)", ""),  # hundredths of a point are enough
    (r"\s*\n\s*", "\n"),
)
"""Patterns of matplotlib's SVG and what takes their place inside a page."""

MOST_POINTS = 240
"""Points drawn of a line; more are averaged in groups."""
WIDTH = 3.7
"""Inches of 72 points; the page scales a chart to its column."""


def line_chart(name: str, lines: Sequence[Line], *, log: bool = False, share: bool = False) -> str:
    """Lines over training steps as SVG text.

    Of many points a running mean is drawn, over the points themselves in a paler tone.

    Args:
        name: What the chart shows, for screen readers.
        lines: Up to eight lines, each of at least one value.
        log: Logarithmic values.
        share: The values are shares: the axis starts at 0 and ends at 1 at most.
    """
    figure, axes = _axes(WIDTH, 1.75)
    for line, colour, dashes in zip(lines, SERIES, DASHES, strict=False):
        xs, ys = _grouped(line)
        style: dict[str, Any] = {"color": colour, "dashes": dashes}
        if line.points or len(ys) == 1:
            axes.plot(xs, ys, linewidth=1.2, marker="o", markersize=3.5, **style)
            continue
        smooth = ys if len(ys) < 30 else _running_mean(ys, len(ys) // 15)
        if smooth is not ys:
            axes.plot(xs, ys, color=colour, linewidth=0.6, alpha=0.35)
        axes.plot(xs, smooth, linewidth=1.5, **style)
    if log:
        axes.set_yscale("log")
        _few_decades(axes)
    elif share:
        top = max(y for line in lines for y in line.ys)
        axes.set_ylim(0, min(1.0, 1.15 * top) or 1.0)
    axes.set_xlabel("step", labelpad=1)
    _whole_steps(axes, lines)
    return _svg(figure, name)


def sweep_chart(
    name: str,
    lines: Sequence[Line],
    xlabel: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    from_zero: bool = True,
) -> str:
    """Curves over a setting that was varied, every value marked, as SVG text.

    Args:
        name: What the chart shows, for screen readers.
        lines: Up to eight lines; on a logarithmic axis all values above 0.
        xlabel: What was varied.
        log_x: Logarithmic setting.
        log_y: Logarithmic values.
        from_zero: The axis of values reaches 0, where it is not logarithmic.
    """
    figure, axes = _axes(WIDTH, 2.2)
    for position, line in enumerate(lines):
        series = (position if line.series is None else line.series) % len(SERIES)
        colour, dashes = SERIES[series], DASHES[series]
        marker = "o" if len(line.xs) <= 12 else ""
        axes.plot(line.xs, line.ys, color=colour, dashes=dashes, linewidth=1.4, marker=marker, markersize=2.8)
    if log_x:
        axes.set_xscale("log")
        xs = sorted({x for line in lines for x in line.xs})
        axes.set_xticks(xs, [f"{x:g}" for x in xs])
        axes.minorticks_off()
    if log_y:
        axes.set_yscale("log")
        _few_decades(axes)
    elif from_zero:
        axes.set_ylim(bottom=min(0.0, *(y for line in lines for y in line.ys)))
    axes.set_xlabel(xlabel, labelpad=1)
    return _svg(figure, name)


def contrast_chart(name: str, rows: Sequence[tuple[str, float, float, float]], unit: Unit = "percent") -> str:
    """Differences with their intervals, one line a group, as SVG text; ``rows`` hold label, value, low and high."""
    figure, axes = _axes(4.6, 0.5 + 0.32 * len(rows))
    for y, (_, value, low, high) in enumerate(rows):
        sure = low > 0 or high < 0
        colour = SERIES[0] if sure else INK
        axes.plot([low, high], [y, y], color=colour, linewidth=1.3, solid_capstyle="butt")
        axes.plot([value], [y], linestyle="none", marker="o", markersize=4.2, color=colour)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_yticks(range(len(rows)), [wrapped(row[0]) for row in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("points" if unit == "percent" else "nats", labelpad=1)
    return _svg(figure, name)


def reliability_chart(name: str, before: Sequence[Bin], after: Sequence[Bin]) -> str:
    """Share of right ones against probability, before (open) and after (full) training, as SVG text.

    On the diagonal a probability is what it says; below it, it promises too much.
    """
    figure, axes = _axes(WIDTH, WIDTH)
    axes.plot([0, 1], [0, 1], color=RULE, linewidth=1.3)
    for bins, colour, face in ((before, INK, PAPER), (after, SERIES[0], SERIES[0])):
        xs, ys = [one.probability for one in bins], [one.right for one in bins]
        axes.plot(xs, ys, color=colour, linewidth=1.3, **_dot(colour, face))
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("p(h|x) of the best passage, against the share that is gold", labelpad=1)
    return _svg(figure, name)


def forest_chart(name: str, rows: Sequence[Row]) -> str:
    """Means with their intervals before (open) and after (full) training, one line a metric, as SVG text."""
    figure, axes = _axes(4.6, 0.42 + 0.32 * len(rows))
    percent = all(row.unit == "percent" for row in rows)
    scale = 100 if percent else 1
    for y, row in enumerate(rows):
        for estimate, offset, colour, face in (
            (row.before, -0.14, INK, PAPER),
            (row.after, 0.14, SERIES[0], SERIES[0]),
        ):
            if estimate:
                reach = [scale * estimate.low, scale * estimate.high]
                axes.plot(reach, [y + offset] * 2, color=colour, linewidth=1.3, solid_capstyle="butt")
                axes.plot([scale * estimate.mean], [y + offset], linestyle="none", **_dot(colour, face))
    axes.set_yticks(range(len(rows)), [wrapped(row.name) for row in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    for y in range(1, len(rows)):
        axes.axhline(y - 0.5, color=RULE, linewidth=0.7)
    ends = [scale * end for row in rows for e in (row.before, row.after) if e for end in (e.low, e.high)]
    middle, half = (max(ends) + min(ends)) / 2, max(scale / 20, 0.54 * (max(ends) - min(ends)))
    if percent:
        axes.set_xlim(max(middle - half, -1.5), min(middle + half, 101.5))
    axes.set_xlabel("percent" if percent else "nats", labelpad=1)
    return _svg(figure, name)


def _dot(colour: str, face: str) -> dict[str, Any]:
    """A round mark with an edge in a colour: open where its face is that of the paper."""
    size: dict[str, Any] = {"marker": "o", "markersize": 4.2, "markeredgewidth": 1.1}
    return size | {"markerfacecolor": face, "markeredgecolor": colour}


def wrapped(label: str, width: int = 26) -> str:
    """The label on at most two lines, cut where it is longer still."""
    lines = textwrap.wrap(label, width) or [""]
    return "\n".join(
        lines if len(lines) <= 2 else [lines[0], textwrap.shorten(" ".join(lines[1:]), width, placeholder="…")]
    )


def _whole_steps(axes: Axes, lines: Sequence[Line]) -> None:
    from matplotlib.ticker import MaxNLocator

    last, first = max(line.xs[-1] for line in lines), min(line.xs[0] for line in lines)
    margin = max(0.5, 0.02 * (last - first))
    axes.set_xlim(first - margin, last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    # Figure without pyplot: no window system, and no global state left behind.
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), dpi=72, layout=ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02))
    axes = figure.add_subplot()
    axes.grid(axis="both", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(colors=INK, labelsize=8, length=0, pad=3)
    axes.xaxis.label.set(color=INK, fontsize=8)
    return figure, axes


def _few_decades(axes: Axes) -> None:
    """Labels at powers of ten, and at 2 and 5 times them where few powers are in sight."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    low, high = axes.get_ylim()
    narrow = high / low < 200
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,), numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.minorticks_off()


def _grouped(line: Line) -> tuple[list[float], list[float]]:
    size = -(-len(line.xs) // MOST_POINTS)
    return _group_means(line.xs, size), _group_means(line.ys, size)


def _group_means(values: Sequence[float], size: int) -> list[float]:
    groups = [values[i : i + size] for i in range(0, len(values), size)]
    return [sum(group) / len(group) for group in groups]


def _running_mean(values: Sequence[float], window: int) -> list[float]:
    """Mean of each value with up to ``window`` values on either side."""
    around = [values[max(0, i - window) : i + window + 1] for i in range(len(values))]
    return [sum(group) / len(group) for group in around]


def _svg(figure: Figure, name: str) -> str:
    import matplotlib
    from markupsafe import escape

    raw = io.StringIO()
    # Text stays text, in the page's font; ids are made from the name, so that no two charts of a page share one.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(raw, format="svg", transparent=True, metadata={"Date": None})
    text = raw.getvalue()
    box = re.search(r'viewBox="([^"]*)"', text)
    body = text[text.index(">", text.index("<svg")) + 1 :]
    for pattern, replacement in CLEANING:
        body = re.sub(pattern, replacement, body, flags=re.DOTALL)
    for colour, css in COLOURS.items():
        body = body.replace(colour, css)
    return f'<svg viewBox="{box[1] if box else ""}" role="img" aria-label="{escape(name)}">{body}'
