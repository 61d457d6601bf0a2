"""The page itself: what it says, what it leaves out, that it is safe and stands alone."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from jsarag.files import write_json, write_jsonl, write_text
from jsarag.report import write_report
from jsarag.report.curves import CURVES
from jsarag.report.record import PARTS
from tests.test_report.runs import NASTY, example, make_run, metrics, step, summary

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Collects visible text and attributes, and checks that every element is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.pieces: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


def read(run: Path) -> Reader:
    return Reader(write_report(run).read_text(encoding="utf-8"))


def test_the_page_shows_the_figures(tmp_path: Path) -> None:
    path = write_report(make_run(tmp_path / "my-run"))
    assert path == tmp_path / "my-run" / "report.html"
    text = Reader(path.read_text(encoding="utf-8")).text
    for shown in (
        "Run my-run",
        "Retrieval got better.",  # the verdict
        "right passage first ▲ 61.0 % → 74.2 % (+13.2 points, p < 0.001)",
        "right passage first, beside BM25 ▲ 74.2 % against 50.0 % (+24.2 points, p < 0.001)",
        "answers' F1 50.0 %",
        "models kept of step 100 of 120, the best on dev",
        "cost 1 h 02 min of training, 1.5 GiB of memory at most",
        "objective jsa · 120 steps · 960 examples · 1,348 passages",
        "right passage first 61.0 [57.0, 65.0] 74.2 [70.1, 78.0] +13.2 p < 0.001",  # rows of the tables
        "right passage first 80.0 [76.0, 84.0] 70.0 [66.0, 74.0] −10.0 p 0.010",
        "MRR@10 70.0 [66.0, 74.0] 72.0 [68.0, 76.0] +2.0 p 0.200",
        "EM 30.0 [26.0, 34.0] 30.0 [26.0, 34.0] 0.0 p 1.000",
        "ROUGE-L 40.0 [37.0, 43.0] – –",  # null after
        "F1 – 50.0 [45.0, 55.0] –",  # absent before
        "BM25 50.0 (+24.2, p < 0.001) 60.0",
        "Step 12: retrieval collapses",
        "Time 1 h 02 min",
        "Tokens scored without gradient 1,234,567",
        "Tokens trained on, with gradient 4,321",
        "Peak memory 1.50 GiB",
        "torch 2.13.0",
        "m: 50",
        "Of 4 examples, a gold passage entered the first rank in 1 and left it in 1 ; in 1 more",
        "before won-1",  # answers of an example
        "after won-1",
        "1. ★ Title f 0.500",  # gold first after training
        "6. ★ Title f 0.016",  # and beyond those shown before
    ):
        assert shown in text
    assert "closed book" not in text  # null before, absent after
    assert text.index("question won-1") < text.index("question other-1") < text.index("question same")
    assert f"jsarag ask --run {tmp_path / 'my-run'}" in text
    assert text.index("Answers from the passages") < text.index("Right passages found") < text.index("Examples Of 4")


def test_colour_marks_what_the_paired_test_tells_from_chance_alone(tmp_path: Path) -> None:
    page = write_report(make_run(tmp_path)).read_text(encoding="utf-8")
    assert sorted(re.findall(r'<td><span class="(\w*)">([^<]*)</span>', page)) == [
        ("", "+2.0"),
        ("", "0.0"),
        ("", "–"),
        ("", "–"),
        ("down", "−10.0"),
        ("up", "+13.2"),
    ]


def test_a_run_of_an_earlier_version_is_tested_by_its_rows(tmp_path: Path) -> None:
    run, told = make_run(tmp_path), summary()
    del told["paired"], told["baselines"]
    write_json(run / "summary.json", told)
    assert "p &lt; 0.001" not in write_report(run).read_text(encoding="utf-8")
    means = {"before": 122, "after": 148}  # 61 % and 74 % of 200, near enough to the summary's for a mean
    told["before"]["prior"]["hit@1"]["mean"], told["after"]["prior"]["hit@1"]["mean"] = 0.61, 0.74
    write_json(run / "summary.json", told)
    for side, right in means.items():
        rows = [{"id": str(i), "prior/hit@1": float(i < right), "answers/em": 0.9} for i in range(200)]
        write_jsonl(run / "evaluation" / f"{side}.jsonl", rows)
    page = write_report(run).read_text(encoding="utf-8")
    assert re.findall(r'<span class="up">([^<]*)</span> <span class="soft">p ([^<]*)', page) == [
        ("+13.0", "&lt; 0.001")
    ]


def test_text_of_the_run_is_escaped(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a<b>&c")
    facts = {"objective": NASTY, "versions": {NASTY: NASTY}}
    figures = {NASTY: {NASTY: {"mean": 0.5, "low": 0.4, "high": 0.6}}}
    write_json(run / "summary.json", {**summary(), "after": figures, "run": facts})
    write_jsonl(
        run / "examples.jsonl",
        [example("won", "ab", "ba", "b", outputs=[NASTY], id=NASTY, input=NASTY)],
    )
    page = write_report(run).read_text(encoding="utf-8")
    reader = Reader(page)
    assert reader.tags.count("script") == page.count("<script") == 1  # the page's own
    assert "a<b>&c" in reader.text
    # As text: objective, warning, block and metric, input, id and accepted answer, version twice, configuration.
    assert reader.text.count(NASTY) >= 10
    assert html.escape(NASTY, quote=False).split("'")[0] in page


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    reader = read(make_run(tmp_path))
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(reader.tags)
    for name, value in reader.attributes:
        if name in ("href", "src", "srcset", "xlink:href", "action", "data", "poster"):
            assert value is not None
            assert value.startswith("#")  # a mark defined in the same chart
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\((?!#)", page)


def test_every_reference_inside_the_page_has_one_target(tmp_path: Path) -> None:
    reader = read(make_run(tmp_path))
    ids = [value for name, value in reader.attributes if name == "id"]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]*)', page)) <= set(ids)


def test_every_curve_is_drawn_and_explained(tmp_path: Path) -> None:
    reader = read(make_run(tmp_path))
    unlabelled = "Log-likelihood of dev (nats)"
    drawn = {value for name, value in reader.attributes if name == "aria-label"}
    for curve in CURVES:
        assert "Healthy:" in curve.meaning
        if curve.title != unlabelled:
            assert curve.title in drawn
            assert curve.meaning in reader.text
    assert f"Not recorded in this run: {unlabelled}." in reader.text


def test_curves_without_values_are_named_not_drawn(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "metrics.jsonl", [step(i, acceptance=None, ess=None) for i in (1, 2)])
    reader = read(tmp_path)
    drawn = {value for name, value in reader.attributes if name == "aria-label"}
    assert "Acceptance rate" not in drawn
    assert "Loss (nats an example)" in drawn
    assert re.search(r"Not recorded in this run: [^.]*Acceptance rate; .*Effective sample size", reader.text)


@pytest.mark.parametrize(
    ("missing", "note", "gone"),
    [
        ("config.yaml", "Left out: the configuration", "Configuration with every default"),
        ("summary.json", "Left out: figures before and after training", "Right passages found"),
        ("metrics.jsonl", "Left out: curves over training", "Effective sample size"),
        ("examples.jsonl", "Left out: examples before and after training", "Best passage any"),
    ],
)
def test_a_missing_file_is_noted_and_the_rest_is_shown(tmp_path: Path, missing: str, note: str, gone: str) -> None:
    whole = read(make_run(tmp_path / "whole")).text
    text = read(make_run(tmp_path / "part", without=missing)).text
    assert (note in whole, note in text) == (False, True)
    assert (gone in whole, gone in text) == (True, False)
    assert f"the folder has no {missing}" in text


@pytest.mark.parametrize("name", PARTS)
def test_one_file_is_enough(tmp_path: Path, name: str) -> None:
    source = make_run(tmp_path / "whole")
    write_text(tmp_path / "run" / name, (source / name).read_text(encoding="utf-8"))
    text = read(tmp_path / "run").text
    assert text.count("Left out:") == len(PARTS) - 1
    if name != "summary.json":
        assert "No figures before or after training" in text


def test_files_without_content_are_noted(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "metrics.jsonl", [])
    write_jsonl(tmp_path / "examples.jsonl", [])
    text = read(tmp_path).text
    assert "no figures in metrics.jsonl" in text
    assert "none in examples.jsonl has both" in text


def test_a_report_is_made_anew(tmp_path: Path) -> None:
    write_jsonl(make_run(tmp_path) / "metrics.jsonl", metrics())
    first = write_report(tmp_path).read_bytes()
    assert write_report(tmp_path).read_bytes() == first
    write_json(tmp_path / "summary.json", {})
    assert write_report(tmp_path).read_bytes() != first


def test_the_calibration_is_drawn_from_the_examples_that_have_labels(tmp_path: Path) -> None:
    assert "Calibration" in read(make_run(tmp_path)).text
    write_jsonl(tmp_path / "examples.jsonl", [example("bare", "abc", "acb", "")])
    assert "Calibration" not in read(tmp_path).text


def test_bins_in_the_summary_are_no_table(tmp_path: Path) -> None:
    make_run(tmp_path)
    told = summary()
    told["after"]["reliability"] = [{"low": 0.5, "high": 0.6, "examples": 3, "probability": 0.55, "right": 0.3}]
    write_json(tmp_path / "summary.json", told)
    assert "reliability" not in read(tmp_path).text
