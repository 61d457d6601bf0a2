"""The pages as a browser shows them: nothing wider than the window, no text over text, visible focus, contrast.

Pictures go to the folder that JSARAG_SHOTS names, to be looked at; without it into a temporary one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jsarag import api
from jsarag.files import read_json, write_json, write_jsonl
from jsarag.report import write_contrast, write_laboratory, write_report
from tests.test_report.runs import example, examples, make_run, summary
from tests.test_report.test_compare import make

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
LAB = Path(__file__).parents[2] / "experiments" / "lab" / "lab.json"
PAGES = ("report", "compare", "lab")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH (Debian: apt install chromium)")

OVERLAPS = """() => {
  const boxes = [], kin = (a, b) => a.contains(b) || b.contains(a);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, owner = node.parentElement;
    if (!node.data.trim() || !owner.checkVisibility() || owner.closest("script, style, .unseen, option")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      // What a scrolling or clipping box hides is not seen.
      let left = r.left, right = r.right, top = r.top, bottom = r.bottom;
      for (let at = owner; at && at !== document.body; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.overflowX === "visible" && style.overflowY === "visible" || at.tagName === "svg") continue;
        const box = at.getBoundingClientRect();
        left = Math.max(left, box.left); right = Math.min(right, box.right);
        top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
      }
      // The line box of a font is higher than its letters: a fifth of its height at either end is no overlap.
      const rim = 0.2 * (r.bottom - r.top);
      if (right - left > 1 && bottom - top > 2 * rim) boxes.push([left, top + rim, right, bottom - rim, node]);
    }
  }
  boxes.sort((a, b) => a[1] - b[1]);
  const found = [];
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length && boxes[j][1] < boxes[i][3]; j++) {
      const [a, b] = [boxes[i], boxes[j]];
      const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
      if (a[4] !== b[4] && wide > 1) found.push([a[4].data.trim().slice(0, 40), b[4].data.trim().slice(0, 40)]);
    }
  }
  return found;
}"""

CONTRAST = """() => {
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const v = c[i] / 255;
    return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (at) => {
    for (; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const owner = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !owner.checkVisibility() || owner.closest("script, style, option")) continue;
    const style = getComputedStyle(owner), svg = owner.closest("svg");
    const [a, b] = [light(parts(svg ? style.fill : style.color)), light(behind(owner))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.set(owner.className + " " + walker.currentNode.data.trim().slice(0, 30), ratio);
  }
  return [...found];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report with long words in it, a comparison of several groups with long labels, the laboratory's page."""
    folder = tmp_path_factory.mktemp("pages")
    run = make_run(folder / ("a-run-with-a-long-name-" * 4))
    told = summary()
    one = told["after"]["prior"]["hit@1"]
    told["after"]["calibration"] = told["before"]["calibration"] = dict.fromkeys(("ece", "brier", "probability"), one)
    told["after"]["likelihood"] = {"per_token": {"mean": -1.5, "low": -1.8, "high": -1.2}}
    told["after"]["attribution"] = dict.fromkeys(("reference_in_passages", "support", "answer_in_passages"), one)
    told["baselines"]["baseline:all-MiniLM-L6-v2"] = told["baselines"]["baseline:bm25"]
    write_json(run / "summary.json", told)
    long = [example(f"long-{i}", "abcde", "bacde", "b", input="Donaudampfschifffahrt" * 6) for i in range(3)]
    write_jsonl(run / "examples.jsonl", [*examples(), *long])
    runs = [
        make(folder / f"{name}-{i}-{seed}", seed=seed, wins=8 * i + seed, objective=name, settings=settings)
        for i, (name, settings) in enumerate(
            [("jsa", "m: 50\n  a_long_setting: of-many-letters"), ("jsa", "m: 5"), ("gold", "k: 5"), ("vrag", "k: 5")]
        )
        for seed in (0, 1)
    ]
    return {
        "report": write_report(run),
        "compare": write_contrast(api.compare(runs), folder / "compare.html"),
        "lab": write_laboratory(read_json(LAB), folder / "lab.html"),
    }


def opened(browser: Browser, path: Path, width: int = 1280, scheme: Any = "light", **options: Any) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    page.goto(path.resolve().as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_can_be_read(
    browser: Browser, pages: dict[str, Path], tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    page = opened(browser, pages[name], width, scheme)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    shots = Path(os.environ.get("JSARAG_SHOTS", tmp_path))
    shots.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
    for folded in (True, False):  # as it opens, and with everything unfolded
        if not folded:
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # Places are the same in the dark, and colours in a small window.
        assert scheme == "dark" or page.evaluate(OVERLAPS) == []
        assert width == 390 or page.evaluate(CONTRAST) == []
    assert problems == []
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_the_focus_is_seen_on_all_that_takes_it(browser: Browser, pages: dict[str, Path], name: str) -> None:
    page = opened(browser, pages[name])
    seen = set()
    for _ in range(12 + page.locator("nav a").count()):
        page.keyboard.press("Tab")
        tag, style, width = page.evaluate(
            "(() => { const at = document.activeElement, style = getComputedStyle(at);"
            " return [at.tagName, style.outlineStyle, style.outlineWidth]; })()"
        )
        if tag != "BODY":
            assert (style, width) == ("solid", "3px"), tag
            seen.add(tag)
    more = {"report": {"SELECT", "INPUT", "SUMMARY"}, "lab": {"DIV"}}
    assert seen >= {"A"} | more.get(name, set())
    page.close()


def test_examples_are_filtered(browser: Browser, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["report"])
    shown = "document.querySelectorAll('.example:not([hidden])').length"
    assert page.evaluate(shown) == 7
    page.select_option("[name=outcome]", "lost")
    assert page.evaluate(shown) == 1
    assert page.text_content("output") == "1 of 7"
    page.select_option("[name=outcome]", "")
    page.fill("[name=text]", "DONAUDAMPF")
    assert page.evaluate(shown) == 3
    page.select_option("[name=answer]", "right")
    assert page.evaluate(shown) == 0
    page.close()


def test_without_script_all_is_there_but_the_filter(browser: Browser, pages: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["report"].resolve().as_uri())
    assert page.locator(".example").count() == 7
    assert page.locator(".example").first.is_visible()
    assert not page.locator("#filter").is_visible()
    context.close()


def test_every_entry_of_the_contents_leads_somewhere(browser: Browser, pages: dict[str, Path]) -> None:
    for name in ("report", "compare", "lab"):
        page = opened(browser, pages[name])
        links = page.eval_on_selector_all("nav a", "all => all.map((one) => one.getAttribute('href'))")
        assert len(links) >= 3
        for link in links:
            assert page.locator(link).count() == 1
        page.close()


def test_the_calibration_chart_is_no_larger_than_other_charts(browser: Browser, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["report"])
    box = page.locator(".square svg").last.bounding_box()
    assert box is not None
    assert box["width"] <= 400
    assert box["height"] <= 420
    page.close()


def test_the_checks_themselves_find_what_is_wrong(browser: Browser, tmp_path: Path) -> None:
    """Two texts on one place, and pale grey on white."""
    (tmp_path / "bad.html").write_text(
        '<!doctype html><p style="position: absolute; top: 50px; left: 0">first text</p>'
        '<p style="position: absolute; top: 54px; left: 20px; color: #bbb; width: 2000px">second text</p>',
        encoding="utf-8",
    )
    page = opened(browser, tmp_path / "bad.html", 390)
    assert page.evaluate(OVERLAPS) == [["first text", "second text"]]
    assert [name.strip() for name, _ in page.evaluate(CONTRAST)] == ["second text"]
    assert page.evaluate("document.documentElement.scrollWidth") > 390
    page.close()
