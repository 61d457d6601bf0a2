"""The weights in a run folder open in their own libraries, in a Python that has no jsarag."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, cast

import pytest
import torch

import jsarag
from jsarag.models import LanguageModel, SentenceEncoder
from jsarag.training import checkpoint
from tests.test_training.test_run import configured

TEXTS = ["where is the red lamp ?", "the blue key is in the tower of Ada at 7"]
QUICK = ("--loop.steps", "4", "--loop.eval_every", "2", "--evaluation.before", "false", "--evaluation.answers", "false")

BARE = """
import importlib.util, json, sys
assert importlib.util.find_spec("jsarag") is None
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
folder, base, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
found = {}
for part in ("prior", "posterior"):
    encoder = SentenceTransformer(f"{folder}/{part}", device="cpu", model_kwargs={"dtype": torch.float32})
    found[part] = [encoder.encode_query(texts).tolist(), encoder.encode_document(texts).tolist()]
where = base or f"{folder}/generator"
auto = AutoModelForSeq2SeqLM if sys.argv[4] == "True" else AutoModelForCausalLM
model = auto.from_pretrained(where, dtype=torch.float32)
tokenizer = AutoTokenizer.from_pretrained(where)
if base:
    from peft import PeftModel
    model = PeftModel.from_pretrained(model, f"{folder}/generator")
ids = torch.tensor([tokenizer(texts[1], add_special_tokens=False).input_ids])
more = {"decoder_input_ids": ids} if sys.argv[4] == "True" else {}
with torch.no_grad():
    found["logits"] = model.eval()(input_ids=ids, **more).logits.tolist()
print(json.dumps(found))
"""


def bare(*arguments: str) -> dict[str, Any]:
    """What a Python without site packages gives, to which the folder of the libraries alone is added."""
    paths = {"PYTHONPATH": sysconfig.get_paths()["purelib"], "HF_HUB_OFFLINE": "1"}
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-S", "-W", "ignore", "-c", BARE, *arguments]
    done = subprocess.run(command, env=kept | paths, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", ["adapters", "all weights", "encoder-decoder"])
def test_sentence_transformers_peft_and_transformers_open_what_was_trained(
    kind: str, options: list[str], seq2seq_model: Path, tmp_path: Path
) -> None:
    more: tuple[str, ...] = ()
    if kind != "adapters":
        at = options.index("--generator.lora.rank")
        options = options[:at] + options[at + 2 :]
        more = ("--generator.lora", "null", "--optim.lr_generator", "1e-3")
    if kind == "encoder-decoder":
        more += ("--generator.model", str(seq2seq_model))
    config = configured(options, *QUICK, *more)
    assert jsarag.train(config) is not None
    folder, _ = checkpoint.locate(tmp_path / "run", "best")
    run = jsarag.Run.load(tmp_path / "run")
    base = config.generator.model if kind == "adapters" else ""
    found = bare(str(folder), base, json.dumps(TEXTS), str(kind == "encoder-decoder"))
    for part, encoder in {"prior": run.pipeline.prior, "posterior": run.posterior}.items():
        model = cast(SentenceEncoder, encoder).model
        queries, documents = (torch.tensor(vectors) for vectors in found[part])
        torch.testing.assert_close(queries, torch.from_numpy(model.encode_query(TEXTS)))
        torch.testing.assert_close(documents, torch.from_numpy(model.encode_document(TEXTS)))
        torch.testing.assert_close(queries, encoder.embed_queries(TEXTS).detach(), atol=1e-5, rtol=1e-4)
    generator = cast(LanguageModel, run.pipeline.generator)
    ids = torch.tensor([generator.tokenizer(TEXTS[1], add_special_tokens=False).input_ids])
    inputs = {"decoder_input_ids": ids} if kind == "encoder-decoder" else {}
    with torch.no_grad():
        logits = generator.model(input_ids=ids, **inputs).logits
    torch.testing.assert_close(torch.tensor(found["logits"]), logits, atol=1e-5, rtol=1e-4)


def test_a_run_is_loaded_without_what_training_alone_needs(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert jsarag.train(configured(options, *QUICK)) is not None
    made: list[str] = []

    def counted(original: Any, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            made.append(name)
            return original(*arguments, **named)

        return call

    for name in ("load_encoder", "load_generator"):
        monkeypatch.setattr(f"jsarag.run.load.{name}", counted(getattr(jsarag, name), name))
    monkeypatch.setattr(SentenceEncoder, "copy", counted(SentenceEncoder.copy, "copy"))
    monkeypatch.setattr(LanguageModel, "copy", counted(LanguageModel.copy, "copy"))
    run = jsarag.Run.load(tmp_path / "run")
    assert run.ask(TEXTS[0]).passages
    assert sorted(made) == ["load_encoder", "load_generator"]
    _ = run.posterior
    assert sorted(made) == ["load_encoder", "load_encoder", "load_generator"]
