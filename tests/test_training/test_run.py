"""Whole runs on tiny models: what the folder holds, repeatability, resuming, refusals."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import jsarag
from jsarag.files import read_jsonl
from jsarag.parsing import part_names, train_config, train_parser
from jsarag.run import TrainConfig
from jsarag.training import trainer
from tests import world


def configured(options: list[str], *more: str) -> TrainConfig:
    argv = [*options, *more]
    parser = train_parser(part_names(argv))
    return train_config(parser, parser.read(argv))


def curve(run: Path) -> list[dict[str, Any]]:
    """Rows of metrics.jsonl without what depends on the clock or the machine."""
    rows = [row for _, row in read_jsonl(run / "metrics.jsonl")]
    timed = ("seconds", "step_seconds", "rebuild_seconds", "peak_memory_bytes")
    return [{key: value for key, value in row.items() if not key.startswith(timed)} for row in rows]


def test_run_writes_a_folder_that_explains_itself(options: list[str], tmp_path: Path) -> None:
    config = configured(options)
    summary = jsarag.train(config)
    assert summary is not None
    run = tmp_path / "run"
    assert summary == json.loads((run / "summary.json").read_text())
    for when in ("before", "after"):
        for block in ("prior", "posterior"):
            assert summary[when][block]["hit@1"].keys() == {"mean", "low", "high"}
        assert {"em", "f1", "rougeL", "bleu1", "bleu4"} <= summary[when]["answers"].keys()
        assert summary[when]["closed_book"].keys() == {"em", "f1"}
    assert summary["cost"].keys() == {
        "seconds",
        "tokens_scored",
        "tokens_trained",
        "peak_memory_bytes",
        "rebuild_seconds",
    }
    assert jsarag.load_config(run / "config.yaml") == config
    steps = [row for row in curve(run) if row["kind"] == "step"]
    assert [row["step"] for row in steps] == list(range(1, 9))
    wanted = {
        "loss", "acceptance", "ess", "entropy_prior", "entropy_posterior_retriever", "entropy_posterior", "hit@1",
        "kl_posterior_q", "top1_mass", "distinct_proposals", "distinct_states", "tokens_scored", "tokens_trained",
    }  # fmt: skip
    assert all(
        wanted <= row.keys() and {f"grad_norm/{c}" for c in ("prior", "posterior", "generator")} <= row.keys()
        for row in steps
    )
    assert [row["step"] for row in curve(run) if row["kind"] == "dev"] == [0, 4, 8]
    assert "<html" in (run / "report.html").read_text()
    assert list((run / "tensorboard").iterdir())
    assert len(read_jsonl(run / "examples.jsonl")) == 6
    rows = [row for _, row in read_jsonl(run / "evaluation" / "after.jsonl")]
    for name in ("prior/mrr@10", "posterior/hit@1", "answers/f1", "closed_book/em"):
        block, metric = name.split("/")
        values = [row[name] for row in rows]
        assert sum(values) / len(values) == pytest.approx(summary["after"][block][metric]["mean"])


def test_training_lowers_the_loss_and_moves_all_three_models(options: list[str], tmp_path: Path) -> None:
    jsarag.train(configured(options, "--loop.steps", "40", "--loop.eval_every", "0"))
    losses = [row["loss"] for row in curve(tmp_path / "run") if row["kind"] == "step"]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    trained, untrained = (jsarag.Run.load(tmp_path / "run", weights=w) for w in ("last", "untrained"))
    assert trained.pipeline.prior.fingerprint() != untrained.pipeline.prior.fingerprint()
    assert trained.posterior.fingerprint() != untrained.posterior.fingerprint()
    answers = [[run.ask(q).log_probability for q in ("where is the red lamp ?",)] for run in (trained, untrained)]
    assert answers[0] != answers[1]


def test_same_seed_gives_the_same_curve_and_another_seed_another(options: list[str], tmp_path: Path) -> None:
    config = configured(options, "--loop.steps", "4", "--loop.eval_every", "0", "--evaluation.answers", "false")
    curves = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        jsarag.train(replace(config, out=tmp_path / name, loop=replace(config.loop, seed=seed)))
        curves.append(curve(tmp_path / name))
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


@pytest.fixture(scope="module")
def whole(
    data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[TrainConfig, dict[str, Any]]]:
    """A run that nothing disturbs, with chains that are kept or not, and its summary; made once each."""

    @cache
    def run(cached: str) -> tuple[TrainConfig, dict[str, Any]]:
        words = world.options(data, encoder_model, causal_model, tmp_path_factory.mktemp("whole") / "run")
        # Two epochs and accumulation, so that caches, order and scheduler all have something to lose.
        more = ("--objective.cache", cached, "--loop.accumulate", "2", "--evaluation.closed_book", "false")
        config = configured(words, *more)
        summary = jsarag.train(config)
        assert summary is not None
        return config, summary

    return run


@pytest.mark.parametrize("cached", ["true", "false"])
@pytest.mark.parametrize("stop_after", [3, 4])
def test_interrupted_and_resumed_run_equals_the_whole_one(
    whole: Callable[[str], tuple[TrainConfig, dict[str, Any]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cached: str,
    stop_after: int,
) -> None:
    config, expected = whole(cached)
    broken = replace(config, out=tmp_path / "broken")

    steps = 0
    original = trainer.Trainer._step

    def counted(self: trainer.Trainer) -> dict[str, float | None]:
        nonlocal steps
        steps += 1
        if steps == stop_after:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self)

    monkeypatch.setattr(trainer.Trainer, "_step", counted)
    assert jsarag.train(broken) is None
    assert steps == stop_after
    assert not (Path(broken.out) / "summary.json").exists()
    found = jsarag.resume(broken.out)
    assert steps == 8
    assert found is not None
    assert found["after"] == expected["after"]
    assert {k: v for k, v in found["cost"].items() if "tokens" in k} == {
        k: v for k, v in expected["cost"].items() if "tokens" in k
    }
    assert curve(Path(broken.out)) == curve(Path(config.out))


def test_early_stopping_ends_the_run_at_the_best(options: list[str], tmp_path: Path) -> None:
    still = ("--optim.lr_prior", "0", "--optim.lr_posterior", "0")
    more = (*still, "--loop.eval_every", "1", "--loop.patience", "2", "--evaluation.answers", "false")
    summary = jsarag.train(configured(options, *more))
    assert summary is not None
    assert summary["run"]["end"] == "early"
    assert summary["run"]["steps"] == 2
    assert summary["run"]["checkpoint"] == {"name": "best", "step": 0}


@pytest.mark.parametrize("objective", ["rag-sequence", "gold"])
def test_every_objective_runs_on_the_same_engine(options: list[str], tmp_path: Path, objective: str) -> None:
    without_m = [
        word
        for i, word in enumerate(options)
        if "objective.m" not in (word, options[i - 1]) and word != "--objective.m"
    ]
    m = options.index("--objective.m")
    without_m = options[:m] + options[m + 2 :]
    summary = jsarag.train(configured(without_m, "--objective.name", objective, "--evaluation.answers", "false"))
    assert summary is not None
    assert summary["run"]["objective"] == objective


def test_pairs_without_labels_train_and_choose_the_best_by_likelihood(
    options: list[str], data: Path, tmp_path: Path
) -> None:
    bare = []
    for name in ("train", "dev", "test"):
        rows = [{k: v for k, v in row.items() if k != "gold"} for _, row in read_jsonl(data / f"{name}.jsonl")]
        bare += [f"--data.{name}", str(world.lines(tmp_path / f"{name}.jsonl", rows))]
    summary = jsarag.train(configured(options, *bare))
    assert summary is not None
    assert "prior" not in summary["after"]
    assert "em" in summary["after"]["answers"]
    dev = [row for row in curve(tmp_path / "run") if row["kind"] == "dev"]
    assert all(row["marginal"]["log_p"] < 0 for row in dev)
    with pytest.raises(jsarag.InputError, match="needs gold ids"):
        m = options.index("--objective.m")
        jsarag.train(
            configured(
                [*options[:m], *options[m + 2 :], *bare], "--objective.name", "gold", "--out", str(tmp_path / "g")
            )
        )


def test_another_encoder_or_other_passages_are_refused_with_an_index(
    options: list[str], data: Path, encoder_model: Path, tmp_path: Path
) -> None:
    encoder = jsarag.EncoderConfig(model=str(encoder_model), precision="fp32", passage="{text}")
    jsarag.build_index(data / "passages.jsonl", tmp_path / "kb", encoder=encoder)
    with pytest.raises(jsarag.InputError, match="another encoder or other encoder settings"):
        jsarag.train(configured(options, "--index.path", str(tmp_path / "kb")))
    assert not (tmp_path / "run").exists()
    fewer = world.lines(tmp_path / "fewer.jsonl", [row for _, row in read_jsonl(data / "passages.jsonl")][:-1])
    jsarag.build_index(fewer, tmp_path / "kb2", encoder=replace(encoder, passage="{title}. {text}"))
    with pytest.raises(jsarag.InputError, match="holds other passages"):
        jsarag.train(configured(options, "--index.path", str(tmp_path / "kb2")))


def test_a_null_passage_is_a_candidate_of_every_question(options: list[str], tmp_path: Path) -> None:
    config = configured(options, "--loop.steps", "4")
    with_null = tmp_path / "with-null.jsonl"
    records = Path(config.data.passages).read_text(encoding="utf-8")
    with_null.write_text(records + '{"id": "null", "text": ""}\n', encoding="utf-8")
    assert jsarag.train(replace(config, data=replace(config.data, passages=with_null))) is not None
    rows = [row for _, row in read_jsonl(tmp_path / "run" / "evaluation" / "after.jsonl")]
    assert all("null" in [h["id"] for h in row["passages"]] for row in rows)
    found = jsarag.Run.load(tmp_path / "run").ask("where is the red lamp ?").passages
    assert "null" in [h.passage.id for h in found]
