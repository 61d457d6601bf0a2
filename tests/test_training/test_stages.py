"""The second stage: what the generator is trained on, what stays, what is taken over, what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch

import jsarag
from jsarag.cli.main import main
from jsarag.cli.train import staged
from jsarag.files import read_jsonl
from jsarag.models import GeneratorConfig, LanguageModel, Pair, PromptConfig, load_generator
from jsarag.objectives import Concat
from jsarag.objectives.candidates import PADDING
from jsarag.run import TrainConfig
from jsarag.run.data import read
from jsarag.training.models import Models
from jsarag.training.step import step
from jsarag.training.trainer import Trainer, training_cases
from jsarag.types import Passage
from tests import world

SHORT = ("--loop.steps", "2", "--loop.eval_every", "1", "--evaluation.closed_book", "false")


@pytest.fixture(scope="module")
def first(data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("first") / "run"
    options = world.options(data, encoder_model, causal_model, out)
    assert main(["train", *options, *SHORT]) == 0
    return out


def configured(first: Path, *more: str) -> TrainConfig:
    config = staged(["--stage", "concat", "--from", str(first), *more])
    assert config is not None
    return config


def test_the_stage_takes_over_all_settings_but_its_own(first: Path) -> None:
    source, config = jsarag.load_config(first / "config.yaml"), configured(first)
    assert config.objective == Concat(k=source.evaluation.decoding.passages)
    assert (config.start, config.out) == (first, first.with_name("run-concat"))
    assert (config.evaluation.decoding.mode, config.evaluation.decoding.passages) == ("concat", config.objective.k)
    own = {name: getattr(source, name) for name in ("objective", "start", "out", "evaluation")}
    assert replace(config, **own) == source
    other = configured(first, "--objective.k", "3", "--objective.dropout", "0.2", "--optim.lr_generator", "1e-4")
    assert other.objective == Concat(k=3, dropout=0.2)
    assert other.evaluation.decoding.passages == 3
    assert other.optim == replace(source.optim, lr_generator=1e-4)
    assert other.generator == source.generator
    assert (
        configured(first, "--objective.k", "3", "--evaluation.decoding.passages", "4").evaluation.decoding.passages == 4
    )
    assert jsarag.stage("concat", first) == config


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("order", ["retrieved", "reversed"])
def test_the_loss_is_that_of_the_answer_after_all_passages(first: Path, order: str, share: bool) -> None:
    run = jsarag.Run.load(first)
    config, pipeline = run.config, run.pipeline
    prompt = replace(config.generator.prompt, order=order, chat=False)  # type: ignore[arg-type]
    device = pipeline.prior.device
    generator = load_generator(replace(config.generator, prompt=prompt), device)
    generator.load_state_dict(cast(LanguageModel, pipeline.generator).state_dict())
    models = Models(pipeline.prior, run.posterior, generator)
    cases = training_cases(read(config.data).train, pipeline.kb, config.data.history)[:3]
    start = torch.full((3,), PADDING)
    # Candidates may be those of all pairs; a prompt holds those of its own.
    outcome = step(models, pipeline.kb, Concat(k=3), cases, start, torch.Generator(device), share_candidates=share)
    terms = []
    for case, hs in zip(cases, pipeline.retrieve([case.x for case in cases], 3), strict=True):
        passages = [h.passage for h in hs][:: -1 if order == "reversed" else 1]
        # The prompt in plain words; the tokenizer splits at spaces, so pieces joined are the whole.
        body = "\n\n".join(f"{p.title}: {p.text}" for p in passages)
        text = prompt.template.format(passage=body, input=case.x)
        context = generator.tokenizer(text, add_special_tokens=False).input_ids
        answer = [*generator.tokenizer(case.y, add_special_tokens=False).input_ids, generator.tokenizer.eos_token_id]
        logits = generator.model(input_ids=torch.tensor([context + answer], device=device)).logits[0].log_softmax(-1)
        terms.append(logits[range(len(context) - 1, len(context) + len(answer) - 1), answer].sum())
    expected = -torch.stack(terms).mean()
    torch.testing.assert_close(outcome.loss, expected)
    weights = list(generator.trained().values())
    found = torch.autograd.grad(outcome.loss, weights)
    for a, b in zip(found, torch.autograd.grad(expected, weights), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_only_the_generator_learns_and_the_run_says_where_it_comes_from(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "run"
    shutil.copytree(first, source)
    out = tmp_path / "second"
    more = ("--loop.steps", "6", "--loop.eval_every", "2", "--objective.dropout", "0.3", "--objective.k", "3")
    assert main(["train", "--stage", "concat", "--from", str(source), "--out", str(out), *more]) == 0
    saved = jsarag.load_config(out / "config.yaml")
    assert saved == replace(configured(source, *more), out=out)
    assert f"start: {source}" in (out / "config.yaml").read_text()
    before = jsarag.Run.load(source)
    posterior = before.posterior.fingerprint()
    # The new run does not need the old one any more.
    shutil.rmtree(source)
    after, at_first = jsarag.Run.load(out, weights="last"), jsarag.Run.load(out, weights="untrained")
    assert after.pipeline.decoding.mode == "concat"
    assert after.pipeline.prior.fingerprint() == before.pipeline.prior.fingerprint()
    assert after.posterior.fingerprint() == posterior
    assert torch.equal(after.pipeline.kb.vectors, before.pipeline.kb.vectors)

    def weights(run: jsarag.Run) -> torch.Tensor:
        return torch.cat([weight.flatten() for weight in run.pipeline.generator.trained().values()])

    assert torch.equal(weights(at_first), weights(before))
    assert not torch.equal(weights(after), weights(before))
    dev = [row for _, row in read_jsonl(out / "metrics.jsonl") if row["kind"] == "dev"]
    assert dev[-1]["concat"]["log_p"] > dev[0]["concat"]["log_p"]
    assert len({json.dumps(row["prior"]) for row in dev}) == 1
    best = max(dev, key=lambda row: float(row["concat"]["log_p"]))
    summary = json.loads((out / "summary.json").read_text())
    assert summary["run"]["checkpoint"] == {"name": "best", "step": best["step"]}
    capsys.readouterr()
    assert main(["ask", "where is the red lamp ?", "--run", str(out), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["passages"]) == 3
    figures = tmp_path / "figures.json"
    assert main(["evaluate", "--run", str(out), "--json", str(figures)]) == 0
    assert json.loads(figures.read_text()) == summary["after"]


def test_an_interrupted_stage_goes_on_as_the_whole_one_even_without_the_first_run(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "run"
    shutil.copytree(first, source)
    few = ("--loop.steps", "4", "--loop.eval_every", "0", "--objective.dropout", "0.5", "--evaluation.before", "false")
    config = configured(source, *few)
    whole = jsarag.train(replace(config, out=tmp_path / "whole"))
    original = Trainer._step

    def interrupting(self: Trainer) -> dict[str, float | None]:
        if self.state.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self)

    monkeypatch.setattr(Trainer, "_step", interrupting)
    assert jsarag.train(replace(config, out=tmp_path / "broken")) is None
    shutil.rmtree(source)
    resumed = jsarag.resume(tmp_path / "broken")
    assert whole is not None
    assert resumed is not None
    assert resumed["after"] == whole["after"]
    curves = [
        [row["loss"] for _, row in read_jsonl(tmp_path / name / "metrics.jsonl") if row["kind"] == "step"]
        for name in ("whole", "broken")
    ]
    assert curves[0] == curves[1]
    assert len(curves[0]) == 4


def test_a_stage_after_passages_that_learned_and_after_another_stage(
    data: Path, encoder_model: Path, causal_model: Path, tmp_path: Path
) -> None:
    options = world.options(data, encoder_model, causal_model, tmp_path / "run")
    assert main(["train", *options, *SHORT, "--passages.encoder", "own"]) == 0
    assert main(["train", "--stage", "concat", "--from", str(tmp_path / "run")]) == 0
    assert main(["train", "--stage", "concat", "--from", str(tmp_path / "run-concat"), "--loop.steps", "1"]) == 0
    run, second, third = (jsarag.Run.load(tmp_path / name) for name in ("run", "run-concat", "run-concat-concat"))
    for later in (second, third):
        assert later.config.passages.encoder == "frozen"
        assert torch.equal(later.pipeline.kb.vectors, run.pipeline.kb.vectors)
        assert later.pipeline.prior.fingerprint() == run.pipeline.prior.fingerprint()


def test_left_out_passages_are_a_share_drawn_anew_and_repeated_by_a_seed() -> None:
    from tests.enumeration import toy

    scores = toy(rows=300, passages=10).scores()
    objective = Concat(k=10, dropout=0.4)
    rng = torch.Generator().manual_seed(1)
    first, second = (objective.weigh(scores, objective.propose(scores, rng), rng) for _ in range(2))
    assert (first.backward.sum(-1) >= 1).all()
    best = scores.found["prior"]
    assert not (first.backward & ~best).any()
    assert float(first.backward[best].float().mean()) == pytest.approx(0.6, abs=0.03)
    assert not torch.equal(first.backward, second.backward)
    again = torch.Generator().manual_seed(1)
    assert torch.equal(objective.weigh(scores, objective.propose(scores, again), again).backward, first.backward)
    almost = Concat(k=10, dropout=0.999)
    assert (almost.weigh(scores, almost.propose(scores, rng), rng).backward.sum(-1) == 1).float().mean() > 0.95


def test_passages_are_arranged_and_cut_from_the_last_retrieved(causal_model: Path) -> None:
    words = ["red red red", "blue blue blue", "green green green"]
    passages = tuple(Passage(str(i), "", text) for i, text in enumerate(words))

    def body(order: str, length: int | None = None, x: str = "who ?") -> str:
        plain = PromptConfig(template="{passage} question {input}", passage="{text}", separator=" ; ")
        prompt = replace(plain, order=order, passage_length=length)  # type: ignore[arg-type]
        config = GeneratorConfig(str(causal_model), lora=None, precision="fp32", prompt=prompt)
        generator = load_generator(config, torch.device("cpu"))
        text = generator.tokenizer.decode(generator.prompt.context(x, passages, room=2), skip_special_tokens=True)
        return str(text).partition(" question")[0]

    assert body("retrieved") == "red red red blue blue blue green green green"
    assert body("reversed") == "green green green blue blue blue red red red"
    # Whatever the order, what was retrieved last goes first.
    assert body("retrieved", 6) == "red red red blue blue"
    assert body("reversed", 6) == "blue blue red red red"
    assert body("reversed", 2) == "red red"
    shuffled = {x: body("random", x=x) for x in ("who ?", "what ?", "where ?", "when ?", "how many ?")}
    assert len(set(shuffled.values())) > 1
    assert all(sorted(text.split()) == sorted(" ".join(words).split()) for text in shuffled.values())
    assert shuffled["who ?"] == body("random")


def test_the_prompt_is_read_with_all_passages_in_the_order_of_the_prior(first: Path) -> None:
    run = jsarag.Run.load(first, decoding=jsarag.DecodingConfig(mode="concat", passages=4))
    x = "where is the red lamp ?"
    (hs,) = run.pipeline.retrieve([x])
    pair = Pair(x, tuple(h.passage for h in hs), "nine")
    with torch.inference_mode():
        expected = float(run.pipeline.generator.log_likelihood([pair]))
    assert run.pipeline.log_likelihood([x], ["nine"]) == pytest.approx(expected, abs=1e-4)


def test_mistakes_give_one_line(first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def mistake(*argv: str | Path) -> str:
        assert main(["train", *map(str, argv)]) == 2
        out, err = capsys.readouterr()
        (line,) = [line for line in err.splitlines() if line.startswith("jsarag:")]
        assert "Traceback" not in err + out
        return line

    out = tmp_path / "no"
    assert "no: not a run folder" in mistake("--stage", "concat", "--from", out)
    unfinished = tmp_path / "unfinished"
    shutil.copytree(first, unfinished)
    (unfinished / "summary.json").unlink()
    assert "not a finished run (no summary.json)" in mistake("--stage", "concat", "--from", unfinished, "--out", out)
    assert "--stage: expected one of again, concat, got 'fuse'" in mistake(
        "--stage", "fuse", "--from", first, "--out", out
    )
    assert "--objective: expected jsa with --stage again, got 'gold'" in mistake(
        "--from", first, "--objective", "gold", "--out", out
    )
    assert "already holds a run" in mistake("--from", first, "--out", first)
    assert "expected --from with it" in mistake("--stage", "concat", "--out", out)
    staged = ("--stage", "concat", "--from", first)
    assert "expected concat with --stage concat, got 'jsa'" in mistake(*staged, "--objective.name", "jsa", "--out", out)
    assert "--objective.m" in mistake(*staged, "--objective.m", "3", "--out", out)
    assert "objective.k: expected at most the 12 passages" in mistake(*staged, "--objective.k", "13", "--out", out)
    assert "holds other weights" in mistake(*staged, "--generator.lora.rank", "8", "--out", out)
    assert "generator.prompt.order" in mistake(*staged, "--generator.prompt.order", "best", "--out", out)
    assert "passage_length" in mistake(*staged, "--generator.prompt.passage_length", "512", "--out", out)
    assert "already holds a run" in mistake(*staged, "--out", first)
    assert not out.exists()
