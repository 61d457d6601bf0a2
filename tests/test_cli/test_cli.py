"""The command line as a user meets it: real processes, one clear line and exit status 2 for every mistake."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import jsarag
from jsarag.cli import quickstart
from jsarag.cli.main import COMMANDS, main
from jsarag.cli.train import configured
from jsarag.config import as_yaml
from jsarag.decoding import DECODERS
from jsarag.files import read_jsonl
from jsarag.objectives import OBJECTIVES
from tests.test_training import notified
from tests.world import lines


def call(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, str, str]:
    status = main([str(word) for word in argv])
    out, err = capsys.readouterr()
    return status, out, err


def without(options: list[str], name: str) -> list[str]:
    at = options.index(name)
    return options[:at] + options[at + 2 :]


def mistake(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> str:
    """The one line that a mistake gives."""
    status, out, err = call(capsys, *argv)
    assert status == 2
    assert out == ""
    lines = [line for line in err.splitlines() if line.startswith("jsarag:")]
    assert len(lines) == 1
    assert "Traceback" not in err
    return lines[0]


def test_train_evaluate_and_ask(
    options: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    status, out, _ = call(capsys, "train", *options)
    assert status == 0
    assert re.match(r"(Retrieval|Answers|Nothing was learned).*\.\n", out)  # the verdict before all else
    assert "right passage first" in out
    assert str(run / "report.html") in out
    summary = json.loads((run / "summary.json").read_text())
    assert {"before", "closed_book", "baseline:bm25"} <= set(summary["paired"])
    assert (
        summary["paired"]["baseline:bm25"]["prior/hit@1"]["before"]
        == summary["baselines"]["baseline:bm25"]["hit@1"]["mean"]
    )

    status, out, _ = call(capsys, "ask", "where is the red lamp ?", "--run", run, "--json")
    answer: dict[str, Any] = json.loads(out)
    assert status == 0
    assert len(answer["passages"]) == 5
    assert sum(h["probability"] for h in answer["passages"]) == pytest.approx(1)
    status, out, _ = call(
        capsys, "ask", "where is the red lamp ?", "--run", run, "--passages", "2", "--mode", "rag-sequence-thorough"
    )
    assert status == 0
    assert "p(h|x)" in out

    figures, rows = tmp_path / "figures.json", tmp_path / "rows.jsonl"
    status, out, _ = call(capsys, "evaluate", "--run", run, "--json", figures, "--rows", rows)
    assert status == 0
    assert json.loads(figures.read_text()) == json.loads((run / "summary.json").read_text())["after"]
    assert len(read_jsonl(rows)) == 6
    # The usual figures under a title; the rest with --all.
    assert out.splitlines()[0] == f"{run} (weights: best) on {data / 'test.jsonl'}"
    assert "right passage first" in out
    assert "nDCG@10" not in out
    assert "more figures: --all shows them" in out
    status, every, _ = call(capsys, "evaluate", "--run", run, "--all")
    assert "nDCG@10" in every
    assert "missed, wrong" in every
    assert "more figures" not in every
    status, out, _ = call(
        capsys, "evaluate", "--run", run, "--weights", "untrained", "--data", data / "test.jsonl", "--json", figures
    )
    assert json.loads(figures.read_text()) == json.loads((run / "summary.json").read_text())["before"]

    status, out, _ = call(capsys, "evaluate", "--run", run, "--modes", "all", "--json", figures, "--rows", rows)
    assert status == 0
    assert all(mode in out for mode in DECODERS)
    assert "generator tokens a question" in out
    compared = json.loads(figures.read_text())
    assert compared["modes"]["top-1"]["answers"] == json.loads((run / "summary.json").read_text())["after"]["answers"]
    assert [row["mode"] for _, row in read_jsonl(rows)] == [mode for mode in DECODERS for _ in range(6)]
    table = tmp_path / "tables" / "results.csv"
    status, _, _ = call(capsys, "evaluate", "--run", run, "--limit", "2", "--table", table)
    assert status == 0
    assert len(table.read_text(encoding="utf-8-sig").splitlines()) == 1 + 6
    beside = ("evaluate", "--run", run, "--baseline", "bm25", "--json", figures, "--rows", rows)
    status, out, _ = call(capsys, *beside)
    assert status == 0
    assert "right passage first, beside BM25: " in out
    assert json.loads(figures.read_text())["baseline:bm25"] == summary["baselines"]["baseline:bm25"]
    assert all("baseline:bm25/hit@1" in row for _, row in read_jsonl(rows))
    assert "no model at './none'" in mistake(capsys, "evaluate", "--run", run, "--baseline", "./none")
    assert call(capsys, *beside, "--modes", "top-1", "concat")[0] == 0
    assert all("baseline:bm25/hit@1" in row for _, row in read_jsonl(rows))
    line = mistake(capsys, "evaluate", "--run", run, "--table", tmp_path / "results.xlsx")
    assert "--table: expected a file ending in .csv or .parquet" in line
    modes = ("evaluate", "--run", run, "--modes")
    assert "without --mode" in mistake(capsys, *modes, "top-1", "--mode", "top-1")
    assert "each name once" in mistake(capsys, *modes, "top-1", "top-1")
    assert "all or names" in mistake(capsys, *modes, "top-1", "all")
    assert "top-2" in mistake(capsys, *modes, "top-2")

    assert "already holds a run" in mistake(capsys, "train", *options)
    assert "at most the 12 passages" in mistake(capsys, "ask", "who ?", "--run", run, "--passages", "13")


def test_runs_of_two_objectives_and_seeds_are_compared(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = []
    short = without(without(without(options, "--out"), "--objective.m"), "--loop.steps")
    for objective, posterior in (("jsa", "copy"), ("jsa", "random"), ("rag-token", "copy")):
        for seed in ("0", "1"):
            folders.append(tmp_path / f"{objective}-{posterior}-{seed}")
            named = ["--objective.name", objective, "--posterior", posterior, "--loop.seed", seed]
            # Steps of like size.
            named += ["--objective.m", "50", "--objective.states", "null"] if objective == "jsa" else []
            budget = ["--loop.tokens", "1500", "--loop.keep", "last", "--evaluation.before", "false"]
            budget += ["--evaluation.limit", "2", "--evaluation.closed_book", "false"]
            assert call(capsys, "train", *short, *named, *budget, "--out", folders[-1])[0] == 0
            summary = json.loads((folders[-1] / "summary.json").read_text())
            assert summary["before"] is None
            cost = summary["cost"]
            # The step that reaches the budget is the last: what is spent beyond it is less than a step.
            assert 1500 <= cost["tokens_scored"] + cost["tokens_trained"] < 1500 * (1 + 1 / summary["run"]["steps"]) + 1
            assert not (folders[-1] / "checkpoints" / "best.json").exists()
    files: list[str | Path] = [
        "--json",
        tmp_path / "c.json",
        "--markdown",
        tmp_path / "c.md",
        "--out",
        tmp_path / "c.html",
    ]
    status, out, _ = call(capsys, "compare", *folders, *files)
    assert status == 0
    assert "rag-token" in out
    labels = [group["label"] for group in json.loads((tmp_path / "c.json").read_text())["groups"]]
    assert labels == ["jsa", "jsa posterior=random", "rag-token"]
    assert (tmp_path / "c.md").read_text().count("\n") == 5
    assert "<svg" in (tmp_path / "c.html").read_text()
    assert "at least two runs" in mistake(capsys, "compare", folders[0])
    assert "not a finished run" in mistake(capsys, "compare", folders[0], tmp_path)
    assert "--metrics" in mistake(capsys, "compare", *folders[:2], "--metrics", "prior/hit@3")
    assert "loop.tokens" in mistake(capsys, "train", *options, "--loop.tokens", "5", "--out", tmp_path / "no")
    assert "loop.compute" in mistake(capsys, "train", *options, "--loop.compute", "5", "--out", tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_budget_of_compute_ends_a_run(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = without(without(options, "--out"), "--loop.steps")
    assert call(capsys, "train", *short, "--loop.compute", "5000", "--out", tmp_path / "run")[0] == 0
    # The step that reaches the budget is the last; a token with gradient counts as three.
    rows = map(json.loads, (tmp_path / "run/metrics.jsonl").read_text().splitlines())
    spent = [row["tokens_scored"] + 3 * row["tokens_trained"] for row in rows if row["kind"] == "step"]
    assert spent[-2] < 5000 <= spent[-1]


def test_the_laboratory_writes_figures_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], few_examples: None
) -> None:
    small = ["--passages", "8", "--examples", "2", "--replicates", "3", "--k", "[1, 4, 8]", "--m", "[5, 10, 20]"]
    figures = tmp_path / "lab.json"
    status, out, _ = call(capsys, "lab", "--models", "synthetic", *small, "--json", figures, "--out", tmp_path / "lab")
    assert status == 0
    assert "Top-K marginalisation is biased" in out
    assert json.loads(figures.read_text())["config"]["passages"] == 8
    assert (tmp_path / "lab" / "lab.html").exists()
    for option, value in (("--k", "[0]"), ("--quality", "[2.0]"), ("--replicates", "1"), ("--models", "all")):
        assert option.removeprefix("--") in mistake(capsys, "lab", option, value, "--out", tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_index_and_train_with_it(
    options: list[str], data: Path, encoder_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kb = tmp_path / "kb"
    encoder = ("--encoder.model", encoder_model, "--encoder.precision", "fp32")
    status, out, _ = call(capsys, "index", "--passages", data / "passages.jsonl", "--out", kb, *encoder)
    assert status == 0
    assert "12 passages, 32 dimensions" in out
    small = ("--loop.steps", "1", "--evaluation.answers", "false", "--evaluation.closed_book", "false")
    status, _, _ = call(capsys, "train", *options, "--index.path", kb, *small)
    assert status == 0
    assert not (tmp_path / "run" / "index").exists()
    other = ("--encoder.passage", "{text}", "--out", str(tmp_path / "other"))
    line = mistake(capsys, "train", *options, "--index.path", kb, *other)
    assert "made by another encoder or other encoder settings" in line
    assert "run `jsarag index` again" in line


def test_mistakes_give_one_line_and_status_2(
    options: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (data / "passages.jsonl").read_text().splitlines(keepends=True)
    broken, doubled, empty = tmp_path / "broken.jsonl", tmp_path / "doubled.jsonl", tmp_path / "empty.jsonl"
    broken.write_text(lines[0] + lines[1][:20] + "\n" + lines[2])
    doubled.write_text("".join([*lines, lines[0]]))
    empty.write_text("")

    def passages(path: Path) -> str:
        return mistake(capsys, "train", *options, "--data.passages", path)

    assert passages(tmp_path / "none.jsonl").endswith("none.jsonl: no such file")
    assert f"{broken}:2: not valid JSON" in passages(broken)
    assert f"{doubled}:13: id 'lamp/red' is there twice, first at {doubled}:1" in passages(doubled)
    assert passages(empty).endswith("empty.jsonl: holds no passages")
    assert "objective.k: expected at most the 12 passages" in mistake(capsys, "train", *options, "--objective.k", "13")
    assert "--loop.spets" in mistake(capsys, "train", *options, "--loop.spets", "3")
    assert "objective.m" in mistake(capsys, "train", *options, "--objective.m", "x")
    assert "expected one of" in mistake(capsys, "train", *without(options, "--objective.m"), "--objective.name", "jsaa")
    # An option of another objective is unknown, not ignored.
    assert "--objective.m" in mistake(capsys, "train", *options, "--objective.name", "gold")
    assert "generator.model: no model" in mistake(capsys, "train", *options, "--generator.model", "./nowhere")
    assert "encoder.model: no model" in mistake(capsys, "train", *options, "--encoder.model", "nobody/nothing")
    assert "no run to resume" in mistake(capsys, "train", "--resume", tmp_path / "run")
    assert "not a run folder" in mistake(capsys, "ask", "who ?", "--run", tmp_path / "run")
    assert "no command 'trian'" in mistake(capsys, "trian")
    assert "required" in mistake(capsys, "train")
    assert not (tmp_path / "run").exists()  # nothing was half written


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "--run", "run", "--json", "."), "--json: expected a file, got the folder ."),
        (("evaluate", "--run", "run", "--rows", "."), "--rows: expected a file, got the folder ."),
        (("evaluate", "--run", "run", "--table", "folder.csv"), "--table: expected a file, got the folder folder.csv"),
        (("evaluate", "--run", "run", "--json", "file/x.json"), "got file/x.json, but file is a file"),
        (("evaluate", "--run", "run", "--limit", "0"), "--limit: expected a number above 0, got 0"),
        (("evaluate", "--run", "run", "--limit", "-1"), "--limit: expected a number above 0, got -1"),
        (("compare", "run", "other", "--markdown", "."), "--markdown: expected a file, got the folder ."),
        (("lab", "--out", "file"), "--out: expected a file in a folder, got file/lab.html, but file is a file"),
        (("lab", "--json", "."), "--json: expected a file, got the folder ."),
    ],
)
def test_what_cannot_be_written_or_judged_is_refused_before_the_work(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "run").mkdir()
    settings = jsarag.TrainConfig(jsarag.DataConfig("kb.jsonl", "qa.jsonl"))
    (tmp_path / "run" / "config.yaml").write_text(as_yaml(settings))
    monkeypatch.chdir(tmp_path)
    assert message in mistake(capsys, *words)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["config.yaml", "file", "folder.csv", "run"]


def test_templates_that_cannot_be_filled_in_are_refused(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, template, message in (
        ("generator.prompt.passage", "{text} {foo}", "expected only {text} and {title} in braces"),
        ("generator.prompt.template", "{passage} {input} {input}", "expected {input} once"),
        ("encoder.query", "{input", "expected only {input} in braces"),
    ):
        line = mistake(capsys, "train", *options, f"--{option}", template)
        assert f"{option}: {message}" in line
    assert not (tmp_path / "run").exists()


def test_configuration_file_with_overrides(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from jsarag.parsing import load_config

    config = tmp_path / "config.yaml"
    config.write_text("objective:\n  name: rag-sequence\n  k: 4\nloop:\n  steps: 2\nevaluation:\n  answers: false\n")
    words = without(without(options, "--objective.m"), "--loop.steps")
    status, _, _ = call(capsys, "train", "--config", config, *words, "--objective.k", "2")
    assert status == 0
    saved = load_config(tmp_path / "run" / "config.yaml")
    assert (saved.objective.name, saved.objective.k, saved.loop.steps) == ("rag-sequence", 2, 2)
    config.write_text("loop:\n  stepz: 2\n")
    assert "stepz" in mistake(capsys, "train", "--config", config, *options)
    config.write_text("loop: [\n")
    assert "config.yaml:2: not valid YAML" in mistake(capsys, "train", "--config", config, *options)
    assert "none.yaml: no such file" in mistake(capsys, "train", "--config", tmp_path / "none.yaml")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: jsarag {command}" in capsys.readouterr().out
    assert main(["--help"]) == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_quickstart_takes_every_objective(objective: str) -> None:
    config = configured(["--objective.name", objective], "quickstart", "", quickstart.DEFAULTS)
    assert config.objective.name == objective
    assert Path(config.data.passages).exists()
    assert config.generator.lora is not None
    assert config.generator.lora.rank == 16


def process(*argv: str | Path) -> subprocess.Popen[str]:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "jsarag.cli.main", *map(str, argv)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_for_step(run: Path, step: int, running: subprocess.Popen[str]) -> None:
    metrics = run / "metrics.jsonl"
    row = f'"step": {step},'
    taken = notified.holds(lambda: metrics.exists() and row in metrics.read_text(), run.parent, running)
    assert taken, running.communicate()[1]


REBUILDS = ("--passages.encoder", "own", "--passages.rebuild_every", "4")


@pytest.mark.parametrize(("signalled", "more"), [(signal.SIGINT, ()), (signal.SIGKILL, ()), (signal.SIGKILL, REBUILDS)])
def test_stopped_process_continues_the_same_curve(
    options: list[str], tmp_path: Path, signalled: signal.Signals, more: tuple[str, ...]
) -> None:
    # Long enough that the signal arrives in the middle.
    words = [*options, "--loop.steps", "40", "--loop.eval_every", "5", "--evaluation.answers", "false"]
    words += ["--evaluation.closed_book", "false", "--objective.cache", "true", *more]
    whole = process("train", *words, "--out", tmp_path / "whole")
    broken = process("train", *words, "--out", tmp_path / "broken")
    wait_for_step(tmp_path / "broken", 12, broken)
    broken.send_signal(signalled)
    _, err = broken.communicate(timeout=120)
    assert not (tmp_path / "broken" / "summary.json").exists(), "the run was over before the signal came"
    if signalled == signal.SIGINT:
        assert broken.returncode == 130
        assert "go on with: jsarag train --resume" in err
        assert "Traceback" not in err
    resumed = process("train", "--resume", tmp_path / "broken")
    _, err = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, err
    assert whole.communicate(timeout=120)[1] is not None

    def curve(name: str) -> list[tuple[int, float]]:
        rows = [row for _, row in read_jsonl(tmp_path / name / "metrics.jsonl")]
        return [(row["step"], row["loss"]) for row in rows if row["kind"] == "step"]

    assert curve("broken") == curve("whole")
    a, b = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("broken", "whole"))
    assert a["after"] == b["after"]


def test_a_run_is_measured_again_on_the_pairs_that_it_held_out(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["".join(letters) for letters in product("bdgkm", "aeiou", "lnrst")]
    rows = [
        {"id": str(i), "input": f"{words[i]} {words[-i]} {words[3 * i % 125]}", "outputs": ["1"]} for i in range(60)
    ]
    pairs = lines(tmp_path / "pairs.jsonl", rows)
    at = options.index("--data.train")
    run = tmp_path / "split"
    begun = [*options[:at], "--data.train", str(pairs), *options[at + 6 :], "--out", str(run), "--loop.steps", "1"]
    assert call(capsys, "train", *begun)[0] == 0
    summary = json.loads((run / "summary.json").read_text())
    assert "held out 6 dev and 6 test of 60 pairs" in summary["run"]["split"]["text"]
    figures = tmp_path / "figures.json"
    status, out, _ = call(capsys, "evaluate", "--run", run, "--json", figures)
    assert status == 0
    assert out.splitlines()[0] == f"{run} (weights: best) on the pairs held out of {pairs}"
    assert json.loads(figures.read_text()) == summary["after"]
