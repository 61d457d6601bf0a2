"""The SVG of charts: well-formed, in the colours of the page, and drawn where the figures are."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from jsarag.metrics import Bin, Estimate
from jsarag.report.before_after import Row
from jsarag.report.charts import forest_chart, line_chart, reliability_chart
from jsarag.report.curves import Line

WAVE = Line("wave", tuple(range(1, 1001)), tuple(1.0 + i % 7 for i in range(1000)))


def paths(svg: str, colour: str) -> list[list[tuple[float, float]]]:
    """The corner points of every line stroked in a colour."""
    found = re.findall(rf'<path d="([^"]*)"[^>]*style="fill: none; stroke: {re.escape(colour)}', svg)
    return [[(float(x), float(y)) for x, y in re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", d)] for d in found]


@pytest.mark.parametrize(
    "svg",
    [
        line_chart("a & <b>", [WAVE]),
        line_chart("log", [WAVE, Line("dev", (1, 500, 900), (2.0, 3.0, 4.0), points=True)], log=True),
        line_chart("one", [Line("one", (7,), (0.0,))], share=True),
        line_chart("flat", [Line("flat", (1, 2, 3), (0.5, 0.5, 0.5))], log=True),
        reliability_chart("bins", [Bin(0.2, 0.3, 4, 0.25, 0.5)], []),
        forest_chart("forest", [Row("a & b", Estimate(0.2, 0.1, 0.3), None), Row("c", None, Estimate(1, 1, 1))]),
    ],
)
def test_a_chart_stands_alone_in_the_colours_of_the_page(svg: str) -> None:
    ElementTree.fromstring(svg)
    assert "//" not in svg  # no address of any kind
    assert not re.search(r"(stroke|fill): #", svg)  # a fixed colour would vanish in light or dark mode
    assert "<style" not in svg  # it would style the whole page
    assert "currentColor" in svg
    assert len(svg) < 40_000


def test_no_two_charts_of_a_page_share_an_id() -> None:
    ids = [re.findall(r' id="([^"]*)"', line_chart(name, [WAVE])) for name in ("one", "two")]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    assert line_chart("one", [WAVE]) == line_chart("one", [WAVE])  # the same files give the same page


def test_a_line_goes_through_its_values() -> None:
    """Steps 0, 10, 20 and values 0, 4, 2: equal steps apart, and the middle twice as high as the end."""
    svg = line_chart("line", [Line("line", (0, 10, 20), (0.0, 4.0, 2.0))])
    ((x0, y0), (x1, y1), (x2, y2)) = paths(svg, "var(--series-1)")[0]
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.05)
    assert y0 - y1 == pytest.approx(2 * (y0 - y2), abs=0.05)
    assert y1 < y0


def test_many_points_are_averaged_in_groups_and_smoothed() -> None:
    """Values rise along a line with an even zigzag: both drawn lines rise, the smooth one without it."""
    values = tuple(i + (5.0 if i % 2 else -5.0) for i in range(1000))
    raw, smooth = paths(line_chart("many", [Line("many", tuple(range(1000)), values)]), "var(--series-1)")
    assert len(smooth) <= 240
    assert len(raw) <= 240
    ys = [y for _, y in smooth]
    assert all(later <= earlier + 0.01 for earlier, later in pairwise(ys))  # SVG counts downwards


def test_a_forest_has_one_interval_a_side_on_one_scale() -> None:
    rows = [Row("hit@1", Estimate(0.5, 0.4, 0.6), Estimate(0.7, 0.6, 0.8))]
    svg = forest_chart("forest", rows)
    before, after = paths(svg, "currentColor")[0], paths(svg, "var(--series-1)")[0]
    assert before[1][0] - before[0][0] == pytest.approx(after[1][0] - after[0][0], abs=0.05)  # both 20 points wide
    assert before[1][0] == pytest.approx(after[0][0], abs=0.05)  # 60 % ends one and begins the other
    assert before[0][1] == before[1][1] != after[0][1]
    assert ">hit@1</text>" in svg


def test_a_reliability_diagram_sets_probability_against_share() -> None:
    """Points on the diagonal lie on the drawn one, and a point below it below: (0.5, 0.25)."""
    on = [Bin(0.0, 0.1, 1, 0.0, 0.0), Bin(0.9, 1.0, 1, 1.0, 1.0)]
    svg = reliability_chart("bins", on, [*on[:1], Bin(0.5, 0.6, 3, 0.5, 0.25), *on[1:]])
    diagonal = paths(svg, "currentColor")[0]
    assert diagonal in paths(svg, "var(--rule)")
    (x0, y0), (x1, y1), (x2, y2) = paths(svg, "var(--series-1)")[0]
    assert [(x0, y0), (x2, y2)] == diagonal
    assert x1 - x0 == pytest.approx((x2 - x0) / 2, abs=0.05)
    assert y0 - y1 == pytest.approx((y0 - y2) / 4, abs=0.05)
