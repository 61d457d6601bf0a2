"""Runs that go on: beyond the length they were given, and as new runs from the models of finished ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import jsarag
from jsarag.cli.main import main
from jsarag.cli.train import staged
from jsarag.files import read_json, read_jsonl
from jsarag.training import checkpoint
from jsarag.training.schedule import factor
from tests import world
from tests.test_training.test_run import configured, curve

QUICK = ("--evaluation.closed_book", "false", "--evaluation.limit", "2")


@pytest.fixture(scope="module")
def done(data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four steps."""
    run = tmp_path_factory.mktemp("extended") / "run"
    jsarag.train(configured(world.options(data, encoder_model, causal_model, run), *QUICK, "--loop.steps", "4"))
    return run


@pytest.fixture
def run(done: Path, tmp_path: Path) -> Path:
    return shutil.copytree(done, tmp_path / "run")


def rates(run: Path) -> list[float]:
    return [row["lr/prior"] for _, row in read_jsonl(run / "metrics.jsonl") if row["kind"] == "step"]


def test_a_finished_run_goes_on_to_a_new_length(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = curve(run)
    before = read_json(run / "summary.json")["before"]
    assert main(["train", "--resume", str(run), "--loop.epochs", "1"]) == 0
    err = capsys.readouterr().err
    # 24 pairs in batches of 4: six steps.
    after = read_json(run / "summary.json")
    assert (after["run"]["steps"], after["run"]["end"], after["before"]) == (6, "done", before)
    assert after["after"] == read_json(run / "evaluation" / "after.json")
    steps = [row["step"] for row in curve(run) if row["kind"] == "step"]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert curve(run)[: len(first)] == first
    # The rates: of the old schedule until then, of the new one from there; that is told and kept.
    peak, warmup = 1e-3, 0.05
    expected = [factor("cosine", warmup, step / 4) for step in range(4)]
    expected += [factor("cosine", warmup, step / 6) for step in (4, 5)]
    assert rates(run) == pytest.approx([peak * share for share in expected])
    now = f"{factor('cosine', warmup, 4 / 6):.2f}"
    told = f"after step 4 they go on at {now} of their peak instead of 0.00 (optim.schedule cosine)"
    accepted = after["run"]["accepted_changes"]
    assert [line.split(": ")[1] for line in accepted] == ["loop.steps"]
    assert told in accepted[0]
    assert told in err
    loop = jsarag.load_config(run / "config.yaml").loop
    assert (loop.steps, loop.epochs) == (None, 1.0)
    # The report tells the new end, and the folder is whole.
    assert (run / "report.html").stat().st_mtime_ns >= (run / "summary.json").stat().st_mtime_ns
    assert jsarag.check(run).whole
    # Going on without a length leaves the run as it is.
    assert jsarag.resume(run) == after


def test_with_a_constant_schedule_the_longer_run_is_the_one_that_was_long_from_the_start(
    options: list[str], tmp_path: Path
) -> None:
    same = (*QUICK, "--optim.schedule", "constant", "--optim.warmup", "0", "--loop.eval_every", "2")
    for name, steps in (("short", "4"), ("long", "6")):
        jsarag.train(configured(options, *same, "--loop.steps", steps, "--out", str(tmp_path / name)))
    jsarag.resume(tmp_path / "short", steps=6)
    short, long = ([row for row in curve(tmp_path / name) if row["kind"] != "warning"] for name in ("short", "long"))
    assert short == long
    a, b = (checkpoint.locate(tmp_path / name, "last")[0] / "prior" / "model.safetensors" for name in ("short", "long"))
    weights = load_file(b)
    assert all(torch.equal(weight, weights[name]) for name, weight in load_file(a).items())


def test_what_cannot_be_extended_is_refused_and_left_as_it_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = (run / "summary.json").read_bytes()

    def mistake(*words: str) -> str:
        assert main(["train", "--resume", str(run), *words]) == 2
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("jsarag:")]
        assert (run / "summary.json").read_bytes() == summary
        return line

    assert "loop.steps: expected more than the 4 steps that are done, got 4" in mistake("--loop.steps", "4")
    assert "loop.epochs: expected more than the 4 steps that are done (0.5 epochs are 3), got 0.5" in mistake(
        "--loop.epochs", "0.5"
    )
    assert "loop.compute: expected more than the" in mistake("--loop.compute", "5")
    assert "expected alone, without loop." in mistake("--loop.steps", "9", "--loop.epochs", "2")
    assert "loop.steps: expected a number above 0" in mistake("--loop.steps", "-9")
    line = mistake("--loop.batch_size", "2")
    assert "--loop.batch_size: a run goes on with the settings it began with; only its length can be given" in line
    assert "--loop.step: no such option; did you mean --loop.steps?" in mistake("--loop.step", "9")
    with pytest.raises(jsarag.InputError, match=r"^resume: expected one of compute, epochs, steps, tokens, got 'step'"):
        jsarag.resume(run, step=9)


def test_a_run_that_ended_early_is_told_so(options: list[str], tmp_path: Path) -> None:
    still = ("--optim.lr_prior", "0", "--optim.lr_posterior", "0")
    early = (*still, "--loop.steps", "60", "--loop.eval_every", "1", "--loop.patience", "2")
    jsarag.train(configured(options, *QUICK, *early))
    with pytest.raises(jsarag.InputError, match=r"ended early, because loop.patience 2"):
        jsarag.resume(tmp_path / "run", steps=90)


def test_a_new_run_starts_from_the_models_of_a_finished_one(done: Path, tmp_path: Path) -> None:
    config = staged(["--from", str(done), "--loop.steps", "2"])
    assert config is not None
    assert (config.start, config.out, config.objective.name) == (done, done.with_name("run-again"), "jsa")
    out = tmp_path / "again"
    assert main(["train", "--from", str(done), "--loop.steps", "2", "--out", str(out)]) == 0
    first, second = (read_json(run / "summary.json") for run in (done, out))
    assert second["before"] == first["after"]
    assert second["run"]["steps"] == 2
    assert rates(out)[1] == pytest.approx(1e-3 * factor("cosine", 0.05, 1 / 2))
    # The other run is needed no longer; "untrained" are the models that this one started with.
    moved = shutil.move(done, done.with_name("elsewhere"))
    try:
        asked = jsarag.Run.load(out, weights="untrained").ask("where is the red lamp ?")
        jsarag.resume(out, steps=3)
    finally:
        shutil.move(moved, done)
    assert asked == jsarag.Run.load(done).ask("where is the red lamp ?")
    assert read_json(out / "summary.json")["run"]["steps"] == 3


def test_a_new_run_may_have_other_passages(done: Path, data: Path, tmp_path: Path) -> None:
    passages = [row for _, row in read_jsonl(data / "passages.jsonl")]
    more = world.lines(tmp_path / "more.jsonl", [*passages, {"id": "new", "title": "new", "text": "a new lamp"}])
    words = ["--from", str(done), "--data.passages", str(more), "--out", str(tmp_path / "new"), "--loop.steps", "1"]
    config = staged([*words, *QUICK])
    assert config is not None
    jsarag.train(config)
    assert len(jsarag.Run.load(tmp_path / "new").pipeline.kb) == len(passages) + 1
