"""Comparison of runs: groups, tests and tables from made-up run folders with known scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jsarag import api
from jsarag.cli.figures import show_contrast
from jsarag.cli.main import main
from jsarag.files import read_jsonl, write_json, write_jsonl, write_text
from jsarag.report.standing import leader, standings
from jsarag.types import InputError

EXAMPLES = 40


def make(folder: Path, *, seed: int, wins: int, objective: str = "jsa", settings: str = "m: 50", ids: int = 0) -> Path:
    """A finished run that puts the gold passage first in the first ``wins`` of 40 examples, and answers 10 of them."""
    (folder / "evaluation").mkdir(parents=True)
    write_text(
        folder / "config.yaml",
        f"out: {folder}\nobjective:\n  name: {objective}\n  {settings}\nloop:\n  seed: {seed}\nposterior: copy\n",
    )
    rows: list[dict[str, Any]] = [
        {"id": f"q{i + ids}", "input": "x", "prior/hit@1": float(i < wins), "prior/mrr@10": (i < wins) / 2 + 0.5}
        for i in range(EXAMPLES)
    ]
    for row in rows[:10]:
        row["answers/f1"] = 0.25
    write_jsonl(folder / "evaluation" / "after.jsonl", rows)
    cost = {"seconds": 10.0 + seed, "tokens_scored": 1000, "tokens_trained": 500, "peak_memory_bytes": 2**31}
    write_json(folder / "summary.json", {"cost": cost})
    steps: list[dict[str, Any]] = [
        {"kind": "step", "step": s, "tokens_scored": 100 * s, "tokens_trained": 50 * s} for s in (1, 2, 3)
    ]
    for row, norm, spread in zip(steps, (1.0, 2.0, 6.0 + seed), (None, 1.0, 3.0), strict=True):
        row |= {"grad_norm/prior": norm, "grad_variance/prior": spread}
    dev = [{"kind": "dev", "step": s, "prior": {"hit@1": 0.1 * (s + seed)}} for s in (0, 2)]
    write_jsonl(folder / "metrics.jsonl", [dev[0], *steps[:2], dev[1], steps[2]])
    return folder


def runs(folder: Path) -> list[Path]:
    return [
        make(folder / "a0", seed=0, wins=10),
        make(folder / "a1", seed=1, wins=14),
        make(folder / "b0", seed=0, wins=30, objective="gold", settings="k: 5"),
        make(folder / "b1", seed=1, wins=34, objective="gold", settings="k: 5"),
    ]


def test_runs_that_differ_in_their_seed_are_one_group_and_tested_in_pairs(tmp_path: Path) -> None:
    first, second = api.compare(runs(tmp_path))
    assert (first.label, second.label) == ("jsa", "gold")
    assert (len(first.members), len(second.members)) == (2, 2)
    one, other = first.figures["prior/hit@1"], second.figures["prior/hit@1"]
    assert one.estimate.mean == pytest.approx(12 / 40)
    assert one.seeds == pytest.approx((10 / 40, 14 / 40))
    assert (one.versus, one.p) == (None, None)
    assert other.versus is not None
    assert other.versus.mean == pytest.approx(0.5)
    assert other.versus.low > 0
    # 24 examples differ, all in the same direction: 2 of 2^24 sign patterns are as extreme.
    assert other.p is not None
    assert other.p < 0.001
    assert second.figures["answers/f1"].p == 1.0
    # Norms 1, 2 and 6 or 7; variances 1 and 3 over the squared median norm.
    assert second.gradients == {"prior": pytest.approx({"norm": 2.0, "tail": 3.25, "noise": 0.5})}
    assert second.cost["seconds"] == pytest.approx(10.5)
    drawn = [value for point in first.curves["prior/hit@1"] for value in point]
    assert drawn == pytest.approx([0, 0.05, 300, 0.25])


def test_runs_without_passage_labels_are_compared_by_what_stands_in_for_labels(tmp_path: Path) -> None:
    for run in (unlabelled := runs(tmp_path)[1:3]):
        rows = [row for _, row in read_jsonl(run / "evaluation" / "after.jsonl")]
        for row in rows:
            row["evidence/answer@5"], row["likelihood/per_token"] = row.pop("prior/hit@1"), -row.pop("prior/mrr@10")
        write_jsonl(run / "evaluation" / "after.jsonl", rows)
    _, second = api.compare(unlabelled)
    assert list(second.figures) == ["evidence/answer@5", "likelihood/per_token", "answers/f1"]


def test_a_run_too_short_for_the_spread_of_its_gradients_leaves_them_to_the_other_seeds(tmp_path: Path) -> None:
    folders = runs(tmp_path)
    steps = [row for _, row in read_jsonl(folders[2] / "metrics.jsonl")]
    write_jsonl(folders[2] / "metrics.jsonl", [row | {"grad_variance/prior": None} for row in steps])
    second = api.compare(folders)[1]
    assert second.gradients == {"prior": pytest.approx({"norm": 2.0, "tail": 3.5, "noise": 0.5})}


def test_a_setting_that_an_older_version_did_not_have_makes_no_group_of_its_own(tmp_path: Path) -> None:
    old = make(tmp_path / "old", seed=0, wins=10)
    new = make(tmp_path / "new", seed=1, wins=14, settings="m: 50\n  later: null")
    other = make(tmp_path / "other", seed=1, wins=14, settings="m: 50\n  later: 3")
    groups = api.compare([old, new, other])
    assert [len(group.members) for group in groups] == [2, 1]
    assert [group.label for group in groups] == ["jsa", "jsa later=3"]


def test_labels_tell_what_differs(tmp_path: Path) -> None:
    folders = [
        make(tmp_path / "a", seed=0, wins=1),
        make(tmp_path / "b", seed=0, wins=2, settings="m: 5"),
        make(tmp_path / "c", seed=0, wins=2, objective="gold", settings="k: 5"),
    ]
    assert [group.label for group in api.compare(folders)] == ["jsa m=50", "jsa m=5", "gold"]
    assert [group.label for group in api.compare(folders, reference="gold")] == ["gold", "jsa m=50", "jsa m=5"]
    with pytest.raises(InputError, match="expected one of jsa m=50, jsa m=5, gold, got 'jsa'"):
        api.compare(folders, reference="jsa")  # two groups have it


def test_the_reference_may_be_named_by_its_objective(tmp_path: Path) -> None:
    folders = [
        make(tmp_path / "a", seed=0, wins=1, objective="gold", settings="k: 5\nstart: first"),
        make(tmp_path / "b", seed=0, wins=2, settings="m: 50\nstart: null"),
    ]
    groups = api.compare(folders, reference="jsa")
    assert [group.label for group in groups] == ["jsa start=None", "gold start=first"]
    assert groups[0].figures["prior/hit@1"].p is None


def test_files_of_a_comparison(tmp_path: Path) -> None:
    names = {"figures": "c.json", "markdown": "c.md", "page": "c.html"}
    api.compare(runs(tmp_path), **{kind: tmp_path / name for kind, name in names.items()})  # type: ignore[arg-type]
    figures = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert figures["reference"] == "jsa"
    assert figures["groups"][1]["figures"]["prior/hit@1"]["versus"]["mean"] == pytest.approx(0.5)
    table = (tmp_path / "c.md").read_text(encoding="utf-8").splitlines()
    assert table[0].startswith("|  | prior/hit@1 | prior/mrr@10 | answers/f1 |")
    assert "| jsa | 30.0 ± 7.1 |" in table[2]
    assert "| gold | 80.0 ± 7.1 (+50.0, p < 0.001) |" in table[3]
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 4
    assert "+50.0, p &lt; 0.001" in page
    assert page.index("gold is ahead of jsa: right passage first 80.0 % against 30.0 %") < page.index("<table")


def test_who_is_ahead_and_by_how_much(tmp_path: Path) -> None:
    jsa, gold = api.compare(runs(tmp_path))
    ahead = "right passage first 80.0 % against 30.0 % (+50.0 points, p < 0.001); "
    ahead += "MRR@10 90.0 % against 65.0 % (+25.0 points, p < 0.001)"
    assert standings([jsa, gold]) == [f"gold is ahead of jsa: {ahead}. Not apart beyond chance: answers F1."]
    assert leader([jsa, gold]) == "gold leads jsa: right passage first +50.0 points (p < 0.001)."
    gold, jsa = api.compare(runs(tmp_path / "again"), reference="gold")
    assert leader([gold, jsa]) == "gold leads jsa: right passage first +50.0 points (p < 0.001)."
    assert standings([gold, jsa])[0].startswith("jsa is behind gold: right passage first 30.0 % against 80.0 % (−50.0")
    same = [make(tmp_path / name, seed=0, wins=10, objective=name) for name in ("x", "y")]
    expected = "y and x are not apart beyond chance: right passage first, MRR@10, answers F1."
    assert standings(api.compare(same)) == [expected]
    assert leader(api.compare(same)) == "No lead beyond chance in: right passage first."


def test_less_is_better_of_some_figures(tmp_path: Path) -> None:
    folders = [make(tmp_path / name, seed=0, wins=9, objective=name) for name in ("x", "y")]
    for folder, value in zip(folders, (0.75, 0.25), strict=True):
        rows = [row | {"attribution/against": value} for _, row in read_jsonl(folder / "evaluation" / "after.jsonl")]
        write_jsonl(folder / "evaluation" / "after.jsonl", rows)
    (line,) = standings(api.compare(folders, metrics=["attribution/against"]))
    expected = "y leads x: answer against its passages −50.0 points (p < 0.001)."
    assert leader(api.compare(folders, metrics=["attribution/against"])) == expected
    assert line.startswith("y is ahead of x: answer against its passages 25.0 % against 75.0 % (−50.0 points")


@pytest.mark.parametrize("groups", [2, 3, 7])
def test_a_terminal_of_80_columns_holds_the_comparison(
    tmp_path: Path, groups: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    made = [
        make(tmp_path / f"{i}-{seed}", seed=seed, wins=5 * i + seed, settings=f"temperature_of_the_posterior: {i}")
        for i in range(groups)
        for seed in (0, 1)
    ]
    show_contrast(api.compare(made))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert out.index("leads") < out.index("ahead of") < out.index("┏")
    for row in ("prior/hit@1", "prior/mrr@10", "answers/f1", "memory at most"):
        assert out.count(f"│ {row} ") == -(-(groups - 1) // 2)  # a metric a row, two groups a table beside the first
    assert "…" not in out
    assert "13.8 ± 1.8" in out
    assert "+12.5, p 0.032" in out


def test_metrics_may_stand_before_the_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(folder) for folder in runs(tmp_path)]
    for words in (
        ["--metrics", "prior/hit@1", "answers/f1", *folders],
        [*folders, "--metrics", "prior/hit@1", "answers/f1"],
        [folders[0], "--metrics", "prior/hit@1", "answers/f1", *folders[1:]],
    ):
        assert main(["compare", *words]) == 0
        out = capsys.readouterr().out
        assert "prior/hit@1" in out
        assert "prior/mrr@10" not in out
    assert main(["compare", "--metrics", "prior/hit@7", *folders]) == 2
    assert "expected some of prior/hit@1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folders": 1}, "at least two runs"),
        ({"twice": True}, "given twice"),
        ({"metrics": ["prior/hit@7"]}, "--metrics: expected some of prior/hit@1"),
        ({"reference": "vrag"}, "--reference: expected one of jsa, gold"),
        ({"ids": 1}, "measured on other examples"),
        ({"lost": "summary.json"}, "not a finished run"),
        ({"flat": True}, "no scores an example"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    folders = runs(tmp_path)
    if "ids" in change:
        folders.append(make(tmp_path / "other", seed=2, wins=1, ids=1))
    if "twice" in change:
        folders.append(folders[0])
    if "lost" in change:
        (folders[1] / change["lost"]).unlink()
    if "flat" in change:
        write_jsonl(folders[1] / "evaluation" / "after.jsonl", [{"id": "q0"}])
    with pytest.raises(InputError, match=message):
        api.compare(
            folders[: change.get("folders", 9)],
            metrics=change.get("metrics", ()),
            reference=change.get("reference"),
        )
