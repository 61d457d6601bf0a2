"""Run folders as release 0.1 wrote them: they answer, and go on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file

import jsarag
from jsarag.files import read_json
from jsarag.parsing import load_run
from jsarag.training import checkpoint
from jsarag.training.models import Parts
from tests.test_training.test_run import configured, curve
from tests.test_training.test_split import bare

QUICK = ("--evaluation.before", "false", "--evaluation.answers", "false", "--evaluation.closed_book", "false")
QUESTION = "where is the red lamp ?"


def aged(run: Path, parts: Parts) -> None:
    """Rewrite a run folder as release 0.1 would have written it, its weights taken from ``parts`` once loaded."""
    for name in ("best", "last"):
        pointer = run / "checkpoints" / f"{name}.json"
        if not pointer.exists():
            continue
        folder, step = checkpoint.locate(run, name)
        checkpoint.load_models(run, name, parts)
        weights = {
            f"{part}.{key}": w.detach().contiguous() for part, m in parts.items() for key, w in m.trained().items()
        }
        for part in parts:
            shutil.rmtree(folder / part)
        save_file(weights, folder / "models.safetensors")
        pointer.write_text(json.dumps({"folder": folder.name, "step": step}))
    for file in [*run.rglob("*checksums.json"), run / "fingerprints.json"]:
        file.unlink(missing_ok=True)
    values: dict[str, Any] = yaml.safe_load((run / "config.yaml").read_text())
    del values["loop"]["report_to"], values["data"]["split"]
    values["index"] = {"kind": "auto", "recall": 0.95, "uri": None, "collection": "jsarag", "path": None}
    (run / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    manifest = read_json(run / "index" / "manifest.json")
    manifest["format"] = 2
    manifest["index"] = {"kind": "flat", "recall": 0.95, "uri": None, "collection": "jsarag", "path": None, "facts": {}}
    (run / "index" / "manifest.json").write_text(json.dumps(manifest))


def parts(config: jsarag.TrainConfig) -> Parts:
    models = jsarag.Models.of(jsarag.load_encoder(config.encoder), jsarag.load_generator(config.generator))
    return models.parts(config.objective.trains)


def test_a_run_trained_on_all_pairs_goes_on_with_all_of_them(options: list[str], tmp_path: Path) -> None:
    config = configured(bare(options, tmp_path), *QUICK, "--data.split", "none", "--loop.steps", "2")
    assert jsarag.train(config) is not None
    file = tmp_path / "run" / "config.yaml"
    assert load_run(tmp_path / "run").data.split == "none"
    values = yaml.safe_load(file.read_text())
    del values["data"]["split"]
    for seal in [*(tmp_path / "run").glob("*checksums.json"), tmp_path / "run" / "summary.json"]:
        seal.unlink()
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    assert load_run(tmp_path / "run").data.split == "none"
    # The fingerprints of the training pairs are those of before: nothing has to be accepted.
    assert jsarag.resume(tmp_path / "run") is not None


@pytest.mark.parametrize("kind", ["adapters", "all weights"])
def test_a_finished_run_answers_as_it_did(kind: str, options: list[str], tmp_path: Path) -> None:
    if kind == "all weights":
        at = options.index("--generator.lora.rank")
        options = [*options[:at], *options[at + 2 :], "--generator.lora", "null", "--optim.lr_generator", "1e-3"]
    config = configured(options, *QUICK, "--loop.eval_every", "2")
    assert jsarag.train(config) is not None
    run = jsarag.Run.load(tmp_path / "run")
    expected, vectors = run.ask(QUESTION), run.posterior.embed_pairs([QUESTION], ["7"])
    aged(tmp_path / "run", parts(config))
    again = jsarag.Run.load(tmp_path / "run")
    found = again.ask(QUESTION)
    assert found.text == expected.text
    assert found.log_probability == pytest.approx(expected.log_probability, abs=1e-5)
    assert [h.passage for h in found.passages] == [h.passage for h in expected.passages]
    torch.testing.assert_close(again.posterior.embed_pairs([QUESTION], ["7"]), vectors)


def test_a_run_that_was_stopped_goes_on_with_the_same_curve(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = (*QUICK, "--loop.eval_every", "2", "--objective.cache", "true")
    at = options.index("--out")
    whole = configured([*options[: at + 1], str(tmp_path / "whole"), *options[at + 2 :]], *more)
    assert jsarag.train(whole) is not None
    config = configured(options, *more)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        original = jsarag.Trainer._step

        def step(self: jsarag.Trainer) -> dict[str, float | None]:
            if self.state.step == 4:
                stop()
            return original(self)

        patched.setattr(jsarag.Trainer, "_step", step)
        with pytest.raises(KeyboardInterrupt):
            jsarag.train(config)
    aged(tmp_path / "run", parts(config))
    assert jsarag.resume(tmp_path / "run") is not None
    assert curve(tmp_path / "run") == curve(tmp_path / "whole")
