"""Before the first step: each thing that can fail is told before anything is encoded, by a dry run all at once."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import jsarag
from jsarag.cli.main import main
from jsarag.files import read_jsonl
from jsarag.kb import KnowledgeBase
from jsarag.run import dry, room
from jsarag.run.data import read
from jsarag.run.preflight import LATE, Found, Subject
from jsarag.run.sizes import sizes
from jsarag.run.work import load_models
from jsarag.training.trainer import dev_figures
from tests import world
from tests.test_training.test_run import configured

QUICK = ("--evaluation.before", "false", "--evaluation.answers", "false", "--evaluation.closed_book", "false")


def states(found: list[dry.Finding]) -> dict[str, str]:
    return {finding.name: finding.state for finding in found}


def text(found: list[dry.Finding], name: str) -> str:
    return next(finding.text for finding in found if finding.name == name)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_dry_run_tells_all_and_writes_nothing(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = listing(tmp_path)
    assert main(["train", *options, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert listing(tmp_path) == before
    for line in (
        "12 passages, 24 train, 6 dev, 6 test pairs",
        "trains on 3 and answers from 5 of 12 passages",
        "gold passages in 24 of 24 train, 6 of 6 dev, 6 of 6 test pairs",
        "prior/mrr@10 on 6 dev pairs",
        "made for 256 tokens: it may answer badly",
        "8 steps at",
        "problems: 0; the run can start; nothing was written",
    ):
        assert line in shown, shown
    figures = tmp_path / "found.json"
    assert main(["train", *options, "--dry-run", "--json", str(figures)]) == 0
    assert listing(tmp_path) == sorted([*before, "found.json"])
    found = json.loads(figures.read_text())["findings"]
    assert {finding["state"] for finding in found} == {"ok", "warning"}  # prompts of 512 tokens, a model made for 256
    assert [finding["name"] for finding in found if finding["state"] == "warning"] == ["lengths"]


def long_pairs(data: Path, tmp_path: Path) -> list[str]:
    rows = [row for _, row in read_jsonl(data / "test.jsonl")]
    rows[-1]["input"] = "lamp " * 600
    return ["--data.test", str(world.lines(tmp_path / "long.jsonl", rows))]


def bare_dev(data: Path, tmp_path: Path) -> list[str]:
    rows = [{k: v for k, v in row.items() if k != "gold"} for _, row in read_jsonl(data / "dev.jsonl")]
    file = world.lines(tmp_path / "bare.jsonl", rows)
    return ["--data.dev", str(file), "--loop.monitor", "prior/mrr@10"]


def excluding(data: Path, tmp_path: Path) -> list[str]:
    rows = [row for _, row in read_jsonl(data / "test.jsonl")]
    every = [row["id"] for _, row in read_jsonl(data / "passages.jsonl")]
    rows[0]["exclude"] = [i for i in every if i not in rows[0]["gold"]][:9]
    return ["--data.test", str(world.lines(tmp_path / "excluding.jsonl", rows))]


def in_a_file(data: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "file").touch()
    return ["--out", str(tmp_path / "file" / "run")]


Making = Callable[[Path, Path], list[str]]
FAULTS: dict[str, tuple[Making, str, str]] = {
    "k": (lambda d, t: ["--objective.k", "13"], "passages", "objective.k: expected at most the 12 passages"),
    "answers": (
        lambda d, t: ["--evaluation.decoding.passages", "13"],
        "passages",
        "evaluation.decoding.passages: expected at most the 12 passages",
    ),
    "excluded": (
        excluding,
        "passages",
        "evaluation.decoding.passages: expected at most 3, since pairs exclude up to 9",
    ),
    "monitor": (bare_dev, "monitor", "loop.monitor: expected one of marginal/log_p (what the dev pairs allow)"),
    "cutoff": (lambda d, t: ["--loop.monitor", "prior/hit@3"], "monitor", "loop.monitor: expected one of prior/hit@1"),
    "misspelt": (lambda d, t: ["--loop.monitor", "prior/mmr@10"], "monitor", "; did you mean prior/mrr@10?"),
    "length": (long_pairs, "lengths", "long.jsonl, pair 'stove/green/2': generator.prompt.max_length"),
    "folder": (in_a_file, "run folder", "is a file"),
    "baseline": (
        lambda d, t: ["--evaluation.baselines", "[bm25, ./none]"],
        "baselines",
        "evaluation.baselines: no model at './none'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_told_by_a_dry_run_and_at_the_start_before_anything_is_encoded(
    fault: str, options: list[str], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, name, message = FAULTS[fault]
    config = configured([*options, *make(data, tmp_path)])
    with monkeypatch.context() as patched:
        patched.setattr(dry, "forecast", lambda subject: [])
        found = jsarag.dry_run(config)
    assert [finding.name for finding in found if finding.state == "problem"] == [name]
    assert message in text(found, name)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("encoded")

    monkeypatch.setattr(KnowledgeBase, "build", refuse)
    monkeypatch.setattr("jsarag.kb.knowledge_base.preflight", refuse)
    with pytest.raises(jsarag.InputError) as raised:
        jsarag.train(config)
    assert str(raised.value) == text(found, name)
    assert not (tmp_path / "run").exists()


def test_a_dry_run_tells_several_problems_at_once(
    options: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [*bare_dev(data, tmp_path), *long_pairs(data, tmp_path), "--objective.k", "13", "--dry-run"]
    assert main(["train", *options, *more]) == 2
    shown = capsys.readouterr().out
    assert "problems: 3; the run would be refused; nothing was written" in shown
    assert shown.count("PROBLEM") == 3


def test_files_and_models_are_told_together_and_what_waits_for_them(options: list[str], tmp_path: Path) -> None:
    more = ("--data.train", str(tmp_path / "none.jsonl"), "--encoder.model", str(tmp_path / "none"))
    found = jsarag.dry_run(configured(options, *more))
    assert [finding.name for finding in found if finding.state == "problem"] == ["files", "models"]
    assert {state for name, state in states(found).items() if name not in ("run folder", "files", "models")} == {
        "not checked"
    }


def test_a_folder_that_holds_a_run_is_a_problem(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    found = jsarag.dry_run(configured(options))
    assert states(found)["run folder"] == "problem"
    assert "already holds a run" in text(found, "run folder")


def test_figures_without_a_dry_run_are_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *options, "--json", "found.json"]) == 2
    assert capsys.readouterr().err == "jsarag: --json: expected --dry-run with it\n"


@pytest.fixture
def subject(options: list[str]) -> Subject:
    config = configured(options, *QUICK)
    return Subject(config, read(config.data), load_models(config))


def test_the_estimate_of_the_disk_is_what_a_run_writes_at_most(subject: Subject, tmp_path: Path) -> None:
    config = replace(subject.config, loop=replace(subject.config.loop, eval_every=2))
    estimate = sizes(config, subject.models, subject.data, subject.plan)
    assert jsarag.train(config) is not None

    def written(folder: str) -> int:
        return sum(path.stat().st_size for path in (tmp_path / "run" / folder).rglob("*.safetensors"))

    # At its end a run holds two checkpoints `last` and one `best`, without those that were being written.
    last, best = (
        {d.name: written(f"checkpoints/{d.name}") for d in (tmp_path / "run" / "checkpoints").glob(f"{name}-*")}
        for name in ("last", "best")
    )
    most = 3 * max(last.values()) + 2 * max(best.values())
    assert 0.95 * most < estimate.checkpoints < 1.1 * most
    assert estimate.index == pytest.approx(
        written("index") + (tmp_path / "run" / "index" / "passages.jsonl").stat().st_size, rel=0.3
    )


@pytest.mark.parametrize(
    ("part", "patched", "message"),
    [
        ("disk", ("disk", lambda _: 1000), "out: {run}: not enough room on its disk: the run needs up to"),
        ("memory", ("memory", lambda: room.Left(1000, "the container")), "memory: the run needs at least"),
    ],
)
def test_too_little_room_is_refused_with_numbers(
    subject: Subject, part: str, patched: tuple[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not LATE[part](subject).warning
    monkeypatch.setattr(room, *patched)
    with pytest.raises(jsarag.InputError) as raised:
        LATE[part](subject)
    assert str(raised.value).startswith(message.format(run=subject.config.out))
    assert "0 MB free" in str(raised.value) or "0 MB left by the container" in str(raised.value)
    if part == "disk":  # a run that goes on holds most of it already
        assert isinstance(LATE[part](replace(subject, resume=True)), Found)


def test_memory_is_bounded_by_the_container_and_by_ulimit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = room.memory()
    assert free.size > 0
    for name, value in (("max", "5000"), ("current", "3000"), ("stat", "anon 1\ninactive_file 500\n")):
        (tmp_path / f"memory.{name}").write_text(value)
    monkeypatch.setattr(room, "CONTAINER", tmp_path)
    assert room.memory() == room.Left(2500, "the container")
    (tmp_path / "memory.max").write_text("max\n")
    assert room.memory().limit != "the container"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1000, 1000))
    found = room.memory()
    assert found.limit == "ulimit -v"
    assert found.size < 0


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("objective", ["jsa", "concat"])
def test_the_figures_that_are_foretold_are_those_that_are_measured(
    objective: str, labelled: bool, options: list[str], data: Path, tmp_path: Path
) -> None:
    dev = world.lines(
        tmp_path / "dev.jsonl",
        [{k: v for k, v in row.items() if labelled or k != "gold"} for _, row in read_jsonl(data / "dev.jsonl")],
    )
    m = options.index("--objective.m")
    more = [*options[:m], *options[m + 2 :], "--objective.name", objective, "--loop.steps", "1", *QUICK]
    config = configured(more, "--data.dev", str(dev))
    assert jsarag.train(config) is not None
    (row, *_) = [row for _, row in read_jsonl(tmp_path / "run" / "metrics.jsonl") if row["kind"] == "dev"]
    measured = [f"{block}/{m}" for block, found in row.items() if isinstance(found, dict) for m in found]
    assert dev_figures(config.objective, config.settings, labelled=labelled) == measured
