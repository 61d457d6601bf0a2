"""A loss or gradient that is not finite never reaches weights or checkpoints, whichever step it comes in."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import jsarag
from jsarag.cli.main import main
from jsarag.files import read_json, read_jsonl
from jsarag.objectives.candidates import PADDING
from jsarag.training import checkpoint, trainer
from jsarag.training.config import OptimConfig
from jsarag.training.optimisation import NotFiniteError, Optimisation
from jsarag.training.order import Order
from jsarag.training.step import Outcome, step
from tests.test_training.test_run import configured
from tests.weights import weights

QUICK = ("--evaluation.closed_book", "false", "--evaluation.answers", "false", "--objective.cache", "true")


def root(loss: torch.Tensor) -> torch.Tensor:
    """A finite loss whose gradient is not: the derivative of a square root at 0, times 0."""
    return loss + (loss * 0).sqrt()


BREAKS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"gradient": root, "loss": lambda loss: loss * math.nan}


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Breaks the numbers of one batch, counted from 1."""
    original = step

    def begin(what: str, at: int) -> None:
        count = 0

        def breaking(*args: Any, **options: Any) -> Outcome:
            nonlocal count
            count += 1
            outcome = original(*args, **options)
            return replace(outcome, loss=BREAKS[what](outcome.loss)) if count == at else outcome

        monkeypatch.setattr(trainer, "step", breaking)

    return begin


def checkpoints(run: Path) -> dict[str, bytes]:
    return {str(p.relative_to(run)): p.read_bytes() for p in (run / "checkpoints").rglob("*") if p.is_file()}


@pytest.mark.parametrize("what", BREAKS)
@pytest.mark.parametrize("at", [4, 8])
def test_the_run_stops_and_its_last_checkpoint_stays(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: Any, what: str, at: int
) -> None:
    # At a step that evaluates and saves, and at the last one.
    run = tmp_path / "run"
    broken(what, at)
    words = [*options, *QUICK, "--loop.eval_every", "2"]
    assert main(["train", *words]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("jsarag:")]
    assert len(lines) == 1
    assert f"at step {at}" in lines[0]
    assert ("the gradient of the " if what == "gradient" else "the loss is nan") in lines[0]
    assert not (run / "summary.json").exists()
    folder, step = checkpoint.locate(run, "last")
    assert step == at - 2
    assert all(weight.isfinite().all() for weight in weights(folder).values())
    kept = read_json(run / "nonfinite" / f"{at:06d}.json")
    assert str(run / "nonfinite" / f"{at:06d}.json") in lines[0]
    train = [row["id"] for _, row in read_jsonl(Path(configured(words).data.train))]
    assert [pair["id"] for pair in kept["pairs"]] == [train[i] for i in Order(24, 4, 0).batch(at - 1)]
    assert kept["step"] == at
    assert jsarag.resume(run) is not None


@pytest.mark.parametrize("what", BREAKS)
def test_a_step_is_left_out_counted_and_told(options: list[str], tmp_path: Path, broken: Any, what: str) -> None:
    run = tmp_path / "run"
    broken(what, 6)  # the second half of step 3
    more = ("--loop.on_nonfinite", "skip", "--loop.accumulate", "2", "--loop.eval_every", "0", "--loop.steps", "3")
    summary = jsarag.train(configured(options, *QUICK, *more))
    assert summary is not None
    assert summary["run"]["steps_left_out"] == 1
    assert "1 of 3 steps left out" in summary["run"]["warnings"][0]
    rows = [row for _, row in read_jsonl(run / "metrics.jsonl")]
    assert [row["step"] for row in rows if row["kind"] == "step"] == [1, 2, 3]
    told = [row for row in rows if row["kind"] == "warning"]
    assert [row["step"] for row in told] == [3]
    assert json.dumps(told[0]["text"]) in (run / "metrics.jsonl").read_text()
    assert len(read_json(run / "nonfinite" / "000003.json")["pairs"]) == 8

    # The same as a run that ends before: weights, moments and chains.
    two = configured(options, *QUICK, *more[:-1], "2", "--out", str(tmp_path / "two"), "--optim.schedule", "constant")
    three = configured(options, *QUICK, *more, "--out", str(tmp_path / "three"), "--optim.schedule", "constant")
    # Without a warm-up the rates do not depend on the number of steps.
    two, three = (replace(config, optim=replace(config.optim, warmup=0.0)) for config in (two, three))
    jsarag.train(two)
    broken(what, 6)
    jsarag.train(three)
    folders = [checkpoint.locate(Path(config.out), "last")[0] for config in (three, two)]
    for read in (weights, lambda folder: load_file(folder / "optimizer.safetensors")):
        ours, theirs = (read(folder) for folder in folders)
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    ours, theirs = (load_file(folder / "sampler.safetensors") for folder in folders)
    assert torch.equal(ours["chains"], theirs["chains"])
    assert (ours["chains"] != PADDING).sum() == 16


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_the_optimizer_takes_no_step_with_a_gradient_that_is_not_finite(value: float) -> None:
    weights = {part: torch.nn.Parameter(torch.ones(2)) for part in ("generator", "prior")}
    optimisation = Optimisation(OptimConfig(clip=1.0), {p: {"w": w} for p, w in weights.items()})  # type: ignore[misc]

    def stepped(second: float) -> dict[str, float | None]:
        weights["generator"].grad = torch.ones(2)
        weights["prior"].grad = torch.tensor([1.0, second])
        return optimisation.step(0.5)

    stepped(3.0)
    before = {part: weight.detach().clone() for part, weight in weights.items()}
    with pytest.raises(NotFiniteError, match="the gradient of the prior is"):
        stepped(value)
    optimisation.forget()
    assert all(torch.equal(weights[part], before[part]) for part in weights)
    assert all(weight.grad is None for weight in weights.values())
    # The variance compares with the last gradient that was taken.
    assert stepped(5.0)["grad_variance/prior"] == pytest.approx(2.0)
