"""A metric of one's own, registered or of another package, stands wherever the built-in ones do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from jsarag import api
from jsarag.cli.figures import show_contrast, show_evaluation, show_summary
from jsarag.evaluation.table import write_table
from jsarag.files import read_jsonl, read_text, write_json, write_jsonl
from jsarag.metrics import METRICS, Estimate, Metric, answer_scores, block_of
from jsarag.report import contrast_markdown, write_report
from jsarag.report.before_after import tables
from jsarag.report.record import read_record
from jsarag.types import InputError
from tests.test_evaluation.test_blocks import measured
from tests.test_report.test_compare import make

COST = {"seconds": 1.0, "tokens_scored": 1, "tokens_trained": 1, "peak_memory_bytes": 2**30}


def vowels(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """The share of letters that are vowels: red 1/3, blue 2/4, green 2/5."""
    return [sum(letter in "aeiou" for letter in answer) / max(len(answer), 1) for answer in answers]


@pytest.fixture
def own() -> Iterator[Metric]:
    metric = Metric("vowels", "Share of vowels", vowels, better=-1, closed_book=True)
    METRICS.register("vowels", metric)
    yield metric
    if "vowels" in METRICS:
        METRICS.unregister("vowels")


def test_every_example_and_the_summary_have_it(own: Metric, tmp_path: Path) -> None:
    sheet = measured()
    assert [row["answers/vowels"] for row in sheet.rows] == pytest.approx([1 / 3, 2 / 4, 1 / 3, 2 / 5])
    assert [row["closed_book/vowels"] for row in sheet.rows] == pytest.approx([2 / 5, 2 / 5, 1 / 3, 2 / 5])
    assert sheet.summary["answers"]["vowels"]["mean"] == pytest.approx((1 / 3 + 2 / 4 + 1 / 3 + 2 / 5) / 4)
    write_table(tmp_path / "t.csv", sheet.rows)
    assert "answers/vowels" in read_text(tmp_path / "t.csv").splitlines()[0]


def test_the_others_do_not_change(own: Metric) -> None:
    with_it = measured()
    METRICS.unregister("vowels")
    without = measured()
    for found in (*with_it.rows, with_it.summary["answers"], with_it.summary["closed_book"]):
        for name in ("vowels", "answers/vowels", "closed_book/vowels"):
            found.pop(name, None)
    assert (with_it.rows, with_it.summary) == (without.rows, without.summary)


def test_reports_and_tables_call_it_by_its_title_and_know_its_direction(
    own: Metric, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    low, high = (asdict(Estimate(mean, mean, mean)) for mean in (0.2, 0.6))
    summary: dict[str, Any] = {"before": {"answers": {"vowels": low}}, "after": {"answers": {"vowels": high}}}
    summary |= {"cost": COST, "run": {"steps": 3}}
    write_json(tmp_path / "summary.json", summary)
    for title, direction, verdict in (("Share of vowels", " (less is better)", "down"), ("vowels", "", "up")):
        record = read_record(tmp_path)
        (table,) = tables(record.before, record.after, {"answers/vowels": {"p": 0.01}})
        assert [(row.name, row.verdict) for row in table.rows] == [(title, verdict)]
        assert f">{title}</th>" in read_text(write_report(tmp_path))
        show_summary(summary)
        assert f"answers {title}{direction} " in capsys.readouterr().out
        show_evaluation(summary["after"])
        assert f"answers {title}{direction} " in capsys.readouterr().out
        mode = summary["after"] | {"cost": {"seconds": 1.0, "tokens": 2.0}}
        show_evaluation({"modes": {"top-1": mode}, "retrieval_seconds": 0.1})
        assert f"answers {title}{direction} " in capsys.readouterr().out
        if title == "Share of vowels":  # as in a program that does not know it
            METRICS.unregister("vowels")


def test_runs_are_compared_by_it_where_it_is_asked_for(
    own: Metric, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [make(tmp_path / name, seed=0, wins=9, objective=name) for name in ("jsa", "gold")]
    for folder, value in zip(folders, (0.25, 0.75), strict=True):
        rows = [row | {"answers/vowels": value} for _, row in read_jsonl(folder / "evaluation" / "after.jsonl")]
        write_jsonl(folder / "evaluation" / "after.jsonl", rows)
    assert "answers/vowels" not in api.compare(folders)[0].figures
    groups = api.compare(folders, metrics=["answers/vowels"])
    versus = groups[1].figures["answers/vowels"].versus
    assert versus is not None
    assert versus.mean == pytest.approx(0.5)
    show_contrast(groups)
    assert "answers/vowels (less is better)" in capsys.readouterr().out
    assert "| answers/vowels (less is better) |" in contrast_markdown(groups)


def test_a_figure_of_all_examples_takes_the_place_of_the_mean() -> None:
    def longest(answers: Sequence[str], references: Sequence[Sequence[str]], resamples: int) -> Estimate:
        assert resamples == 20
        return Estimate(max(map(len, answers)) / 100, 0.0, 1.0)

    METRICS.register("longest", Metric("longest", "Longest", vowels, corpus=longest, closed_book=True))
    try:
        found = measured().summary
    finally:
        METRICS.unregister("longest")
    for block in ("answers", "closed_book"):
        assert found[block]["longest"] == {"mean": 0.05, "low": 0.0, "high": 1.0}


def test_one_that_is_not_meant_for_these_texts_is_left_out() -> None:
    def fails(*_: Any) -> Estimate:
        raise AssertionError

    METRICS.register("none", Metric("none", "None", lambda answers, references: None, corpus=fails))
    try:
        assert "none" not in measured().summary["answers"]
    finally:
        METRICS.unregister("none")


@pytest.mark.parametrize("values", [[1.0], [1.0, float("nan")], [1.0, float("inf")], []])
def test_anything_but_a_number_an_answer_is_refused(values: list[float]) -> None:
    metrics = {"own": Metric("own", "Own", lambda answers, references: values)}
    with pytest.raises(InputError, match=r"^metric 'own': expected 2 finite numbers, one an answer$"):
        answer_scores(["a", "b"], [["a"], ["b"]], metrics)


def test_a_registered_one_goes_and_a_built_in_one_stays(own: Metric) -> None:
    with pytest.raises(InputError, match="'vowels' is taken"):
        METRICS.register("vowels", own)
    METRICS.unregister("vowels")
    assert "vowels" not in METRICS
    assert "vowels" not in measured().summary["answers"]
    for name in ("vowels", "em", "nothing"):
        with pytest.raises(InputError, match=f"expected the name of a part that was registered, got '{name}'"):
            METRICS.unregister(name)


def offered(folder: Path, package: str, metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package as pip leaves it: a module in the folder, and beside it the folder that names its entry points."""
    about = folder / f"{package}-2.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.0\n")
    (about / "entry_points.txt").write_text(f"[jsarag.metrics]\n{metric}\n")
    assert "loud" not in METRICS
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(METRICS, "_known", dict(METRICS._known))
    monkeypatch.setattr(METRICS, "_offers", None)
    monkeypatch.setattr(METRICS, "_left_out", set())


def test_one_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shout.py").write_text(
        "from jsarag.metrics import Metric\n"
        "LOUD = Metric('loud', 'In capitals', lambda answers, references: [float(a.isupper()) for a in answers])\n"
    )
    offered(tmp_path, "shout", "loud = shout:LOUD", monkeypatch)
    assert METRICS.origin("loud") == "shout 2.0"
    assert answer_scores(["NO", "no"], [["no"]] * 2)["loud"] == [1.0, 0.0]
    assert block_of("answers").figure("loud").title == "In capitals"
    with pytest.raises(InputError, match="expected the name of a part that was registered"):
        METRICS.unregister("loud")


def test_one_of_a_package_that_is_broken_is_told_once_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hoarse.py").write_text("import nothing_of_that_name\n")
    offered(tmp_path, "hoarse", "loud = hoarse:LOUD", monkeypatch)
    for _ in range(2):
        found = measured().summary
        assert "em" in found["answers"]
        assert "loud" not in {*found["answers"], *found["closed_book"]}
        # As where a file from before has the figure.
        assert block_of("answers").figure("loud").title == "loud"
    told = "'loud' of hoarse 2.0 cannot be loaded (No module named 'nothing_of_that_name')"
    assert [line.getMessage() for line in caplog.records] == [f"jsarag.metrics: {told}; it is left out"]
    with pytest.raises(InputError, match=re.escape(told)):
        METRICS.named("loud", "metric")
