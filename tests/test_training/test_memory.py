"""Where memory runs out, batches of tokens are halved: weights, chains and record are those of the undisturbed run."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch.testing import assert_close
from transformers import LlamaConfig, LlamaForCausalLM

import jsarag
from jsarag.cli.main import main
from jsarag.files import read_jsonl
from jsarag.models import (
    EncoderConfig,
    GeneratorConfig,
    LanguageModel,
    Pair,
    SentenceEncoder,
    load_encoder,
    load_generator,
)
from jsarag.models.generator.causal import CausalGenerator
from jsarag.models.memory import out_of_memory
from jsarag.training import checkpoint
from jsarag.training.trainer import Trainer
from jsarag.types import Passage
from tests import tiny, world
from tests.test_training.test_run import configured, curve
from tests.weights import weights

CPU = torch.device("cpu")
QUICK = (
    "--loop.eval_every",
    "0",
    "--evaluation.before",
    "false",
    "--evaluation.answers",
    "false",
    "--evaluation.closed_book",
    "false",
)
ERRORS: dict[str, Callable[[], Exception]] = {
    "gpu": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "cpu": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "python": MemoryError,
}


class Memory:
    """Runs out at certain calls of some functions; counts the calls."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.calls = 0

    def fail(
        self, kind: type, name: str, at: tuple[int, ...], *, grad: bool | None = None, after: bool = False
    ) -> None:
        """Fail at calls ``at`` of a method, before or after its work; with or without gradient alone."""
        work: Callable[..., Any] = getattr(kind, name)
        errors = itertools.cycle(ERRORS.values())

        def failing(*args: Any, **kwargs: Any) -> Any:
            if grad is not None and torch.is_grad_enabled() != grad:
                return work(*args, **kwargs)
            self.calls += 1
            mine = self.calls
            found = work(*args, **kwargs) if after or mine not in at else None
            if mine in at:
                raise next(errors)()
            return found

        self._patch.setattr(kind, name, failing)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    return Memory(monkeypatch)


def test_what_says_that_memory_ran_out() -> None:
    assert all(out_of_memory(make()) for make in ERRORS.values())
    assert not any(
        out_of_memory(error) for error in (RuntimeError("shapes differ"), ValueError("out of memory"), OSError())
    )
    with pytest.raises(RuntimeError) as real:
        torch.empty(2**60, dtype=torch.uint8)
    assert out_of_memory(real.value)


WAYS: dict[str, dict[str, Any]] = {
    "reading with gradient": {"kind": CausalGenerator, "name": "_answer_log_probs", "at": (3,), "grad": True},
    "reading without": {"kind": CausalGenerator, "name": "_answer_log_probs", "at": (3, 5), "grad": False},
    "an encoder": {"kind": SentenceEncoder, "name": "_forward", "at": (5,), "grad": True},
    "twice": {"kind": CausalGenerator, "name": "_answer_log_probs", "at": (2, 3), "grad": True},
    # All of the gradient of the failed attempt is there then.
    "backward": {"kind": Accelerator, "name": "backward", "at": (4,), "after": True},
}
SETTINGS = {
    "jsa": ("--objective.cache", "true", "--loop.accumulate", "2", "--loop.steps", "4"),
    "shared": ("--passages.encoder", "shared", "--loop.share_candidates", "true", "--loop.steps", "4"),
}


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Path]:
    """Run folders by the name of their settings."""
    return {}


@pytest.mark.parametrize(
    ("way", "settings"),
    [*((way, "jsa") for way in WAYS), ("an encoder", "shared"), ("backward", "shared"), ("twice", "shared")],
)
def test_the_run_is_that_of_a_machine_with_enough_memory(
    options: list[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    undisturbed: dict[str, Path],
    memory: Memory,
    way: str,
    settings: str,
) -> None:
    words = [*options, *QUICK, *SETTINGS[settings]]
    if settings not in undisturbed:
        undisturbed[settings] = tmp_path_factory.mktemp(settings) / "run"
        jsarag.train(configured(words, "--out", str(undisturbed[settings])))
    memory.fail(**WAYS[way])
    summary = jsarag.train(configured(words))
    assert summary is not None
    assert memory.calls > max(WAYS[way]["at"])
    assert summary["run"]["batches_halved"] == (2 if "twice" in way or way == "reading without" else 1)
    (told,) = [text for text in summary["run"]["warnings"] if "out of memory" in text]
    assert " batches of 1,024 tokens" in told or " batches of 512 tokens" in told

    run, whole = tmp_path / "run", undisturbed[settings]
    for read, tolerance in ((weights, 2e-5), (lambda folder: load_file(folder / "sampler.safetensors"), 0)):
        saved = [read(checkpoint.locate(r, "last")[0]) for r in (run, whole)]
        assert saved[0].keys() == saved[1].keys()
        for key, value in saved[0].items():
            assert_close(value, saved[1][key], atol=tolerance, rtol=0)
    rows = [[row for row in curve(r) if row["kind"] != "warning"] for r in (run, whole)]
    assert len([row for row in curve(run) if row["kind"] == "warning"]) >= 1
    for mine, theirs in zip(*rows, strict=True):
        assert mine.keys() == theirs.keys()
        for key, value in mine.items():
            assert value == (
                theirs[key] if isinstance(value, str | dict | None) else pytest.approx(theirs[key], 1e-3, 1e-5)
            )


LIMITED = """
import resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
import jsarag
from jsarag.training import trainer
from tests.test_training.test_run import configured

made = trainer.Trainer.__init__

def limited(self, *args):
    made(self, *args)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    more = int(sys.argv[1]) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, resource.RLIM_INFINITY))

if sys.argv[1] != "0":
    trainer.Trainer.__init__ = limited
summary = jsarag.train(configured(sys.argv[2:]))
print(summary["run"]["batches_halved"])
"""
"""A run with so many MB more of address space than it has before its first step; 0: without a limit."""


@pytest.mark.slow
def test_under_a_limit_of_the_system_the_losses_are_those_without(
    options: list[str], tmp_path: Path, data: Path
) -> None:
    rows = [row | {"text": row["text"] + " the lamp of harbour" * 25} for _, row in read_jsonl(data / "passages.jsonl")]
    size: dict[str, Any] = {
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
    }
    words = len(tiny.tokenizer(tmp_path / "generator"))
    ids: dict[str, Any] = {"vocab_size": words, "bos_token_id": 4, "eos_token_id": 5, "pad_token_id": 0}
    LlamaForCausalLM(LlamaConfig(**size, **ids)).save_pretrained(tmp_path / "generator")
    m = options.index("--objective.m")
    argv = [
        *options[:m],
        *options[m + 2 :],
        *("--data.passages", str(world.lines(tmp_path / "passages.jsonl", rows)), "--data.dev", "null"),
        *("--generator.model", str(tmp_path / "generator"), "--index.kind", "torch", "--data.test", "null"),
        *("--objective.name", "rag-sequence", "--objective.k", "8", "--loop.batch_size", "8", "--loop.steps", "2"),
    ]
    losses, halved = [], []
    for limit in (0, 350):
        run = tmp_path / str(limit)
        command = [sys.executable, "-c", LIMITED, str(limit), *argv, "--out", str(run)]
        halved.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]))
        losses.append([row["loss"] for _, row in read_jsonl(run / "metrics.jsonl") if row["kind"] == "step"])
    assert halved[0] == 0 < halved[1]
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)


def test_the_rest_of_the_run_and_a_resumed_one_work_in_halved_batches(
    options: list[str], tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    memory.fail(Accelerator, "backward", (2,))
    taken: list[int] = []
    original = Trainer._step

    def watched(self: Trainer) -> dict[str, float | None]:
        if len(taken) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        figures = original(self)
        taken.append(cast(LanguageModel, self.models.generator).batch_tokens)
        return figures

    monkeypatch.setattr(Trainer, "_step", watched)
    assert jsarag.train(configured(options, *QUICK, "--loop.steps", "6")) is None
    assert taken == [2048, 1024, 1024, 1024]
    summary = jsarag.resume(run)
    assert summary is not None
    assert taken[4:] == [1024, 1024]
    assert summary["run"]["batches_halved"] == 1
    rows = [row for _, row in read_jsonl(run / "metrics.jsonl") if row["kind"] == "warning"]
    assert [row["step"] for row in rows] == [2]


def test_where_one_text_takes_too_much_the_run_ends_with_one_line(
    options: list[str], tmp_path: Path, memory: Memory, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.fail(CausalGenerator, "_answer_log_probs", tuple(range(3, 1000)), grad=True)
    assert main(["train", *options, *QUICK]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("jsarag: training: out of memory (")
    assert "lower generator.prompt.max_length" in line
    assert memory.calls < 30
    assert not (tmp_path / "run" / "summary.json").exists()


def test_without_gradient_only_what_is_left_is_done_in_smaller_batches(
    causal_model: Path, encoder_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passages = [Passage(str(i), "lamp", "the red lamp " * (1 + i % 5)) for i in range(20)]
    pairs = [Pair(f"where is {h.id} ?", (h,), "in the tower") for h in passages]
    encoder = load_encoder(EncoderConfig(str(encoder_model), precision="fp32", batch_tokens=128), CPU)
    generator = load_generator(GeneratorConfig(str(causal_model), precision="fp32", batch_tokens=1024), CPU)
    prompts = [(pair.x, pair.passages) for pair in pairs]
    told: list[int] = []

    @torch.no_grad()
    def results() -> tuple[Any, ...]:
        told.clear()
        vectors = encoder.embed_passages(passages, progress=told.append)
        assert sum(told) == len(passages)
        return vectors, generator.log_likelihood(pairs), [found.text for found in generator.generate(prompts)]

    expected = results()
    tokens = generator.tokens_scored
    places = ((SentenceEncoder, "_forward"), (CausalGenerator, "_answer_log_probs"), (LanguageModel, "_decode"))
    for kind, name in places:
        Memory(monkeypatch).fail(kind, name, (1, 3))
    found = results()
    assert_close(found[:2], expected[:2], atol=1e-5, rtol=1e-5)
    assert found[2] == expected[2]
    assert generator.tokens_scored == 2 * tokens
    assert (encoder.batch_tokens, generator.batch_tokens) == (32, 64)


def test_halved_batches_keep_no_activations_and_give_the_same_gradient(causal_model: Path, encoder_model: Path) -> None:
    passages = [Passage(str(i), "lamp", "the red lamp " * 5) for i in range(8)]
    encoder = load_encoder(EncoderConfig(str(encoder_model), precision="fp32", batch_tokens=64), CPU)
    config = GeneratorConfig(
        str(causal_model), precision="bf16", batch_tokens=128
    )  # where kernels differ with gradient
    generator = load_generator(config, CPU)
    pairs = [Pair("where ?", (h,), "in the tower") for h in passages]
    works: dict[Any, Callable[[], torch.Tensor]] = {
        encoder: lambda: encoder.embed_passages(passages),
        generator: lambda: generator.log_likelihood(pairs),
    }
    for model, work in works.items():
        kept, gradients = [], []
        for _ in range(2):
            numbers = 0

            def pack(tensor: torch.Tensor) -> torch.Tensor:
                nonlocal numbers
                numbers += tensor.numel()
                return tensor

            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                value = work()
            model.zero_grad()
            torch.autograd.backward(value.square().sum())
            kept.append(numbers)
            gradients.append([w.grad.clone() for w in model.parameters() if w.grad is not None])
            model.thrift.halve()
        assert kept[1] < 0.05 * kept[0]
        scale = max(float(g.abs().max()) for g in gradients[0])
        assert_close(gradients[1], gradients[0], atol=scale * (2e-2 if model is generator else 1e-5), rtol=0)
