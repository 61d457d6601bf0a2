"""What each means of making a step cheap is worth: the same work with it and without it, in turns.

python benchmarks/means.py --json benchmarks/results/means.json

`score` is the likelihood of 15 pairs without gradient, `train` that of 8 pairs with a backward pass; prompts of the
bundled sample, three passages a question. Huge pages and recomputed activations need a process of their own each.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import peft
import torch
from timing import interleaved, last_line, peak_memory, ratio, seconds, typical
from torch import Tensor, nn
from workload import Workload, load, machine, markdown

from jsarag.files import write_json
from jsarag.kb import SAMPLE
from jsarag.models import Generator, Pair, lora
from jsarag.models.attention import PLAIN, plain
from jsarag.models.generator import language_model

PASSAGES = 3
"""A question."""
Without = Callable[[Generator], AbstractContextManager[Any]]


def pairs(work: Workload, questions: int) -> list[Pair]:
    """Questions with passages that the prior finds for them."""
    cases = work.cases[:questions]
    with torch.inference_mode():
        found = work.kb.search(work.models.prior.embed_queries([case.x for case in cases]), PASSAGES)[1]
    return [Pair(c.x, (work.kb.passages[i],), c.y) for c, row in zip(cases, found.tolist(), strict=True) for i in row]


@contextmanager
def all_logits(model: Generator) -> Iterator[None]:
    """The output head on every position; those of the answer are picked afterwards."""

    def afterwards(inner: Any, positions: list[int], inputs: dict[str, Any]) -> Tensor:
        logits: Tensor = inner(**inputs).logits
        return logits.flatten(0, 1).index_select(0, torch.tensor(positions))

    with patch.object(language_model, "logits_at", afterwards):
        yield


def as_they_come(model: Generator) -> AbstractContextManager[Any]:
    """Batches of as many rows, in the order given."""

    def batches(items: Sequence[int], length: Callable[[int], int], budget: int, overhead: int) -> list[list[int]]:
        size = max(budget // max(map(length, items)), 1)
        return [list(items[first : first + size]) for first in range(0, len(items), size)]

    return patch.object(language_model, "by_length", batches)


@contextmanager
def masked(model: Generator) -> Iterator[None]:
    """A mask over the padding, as a plain script passes it."""

    def add(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        ids = kwargs.get("input_ids")
        if ids is not None and "attention_mask" not in kwargs and not {"cache", "past_key_values"} & set(kwargs):
            mask = torch.ones_like(ids)
            mask[-1, -1] = 0
            kwargs = {**kwargs, "attention_mask": mask}
        return args, kwargs

    handle = model.model.register_forward_pre_hook(add, with_kwargs=True)
    try:
        with patch.object(model, "_past", lambda *_: None):
            yield
    finally:
        handle.remove()


def apart(model: Generator) -> AbstractContextManager[Any]:
    """Every prompt read from its first token on."""
    return patch.object(model, "_past", lambda *_: None)


def unmerged(model: Generator) -> AbstractContextManager[Any]:
    """Adapters beside the weights."""
    return patch.object(language_model, "MERGING_PAYS", float("inf"))


def sliced(model: Generator) -> AbstractContextManager[Any]:
    """The output head on the slice of states that `generate` gives it."""
    return patch.object(model.model.get_output_embeddings(), "_forward_pre_hooks", OrderedDict())


def cast_anew(model: Generator) -> AbstractContextManager[Any]:
    """Adapters made ready in every batch."""
    return patch.object(model, "_ready", lambda tokens: nullcontext())


@contextmanager
def peft_layers(model: Generator) -> Iterator[None]:
    """PEFT's own four operations."""
    layers = [module for module in model.modules() if isinstance(module, lora._Linear)]
    for layer in layers:
        layer.__class__ = peft.tuners.lora.Linear
    try:
        yield
    finally:
        for layer in layers:
            layer.__class__ = lora._Linear


MEANS: dict[str, tuple[str, Without, Without]] = {
    "output head on the answer's tokens alone": ("score", lambda g: nullcontext(), all_logits),
    "batches by length": ("score", lambda g: nullcontext(), as_they_come),
    "no mask: padding stands behind what is read": ("score", apart, masked),
    "common beginnings of prompts read once": ("score", lambda g: nullcontext(), apart),
    "adapters added to the weights (float32)": ("score", lambda g: nullcontext(), unmerged),
    "adapters cast once a call (bf16)": ("score", lambda g: nullcontext(), cast_anew),
    "fused attention without gradient": ("score", lambda g: nullcontext(), lambda g: plain(g.model)),
    "output head on contiguous states": ("decode", lambda g: nullcontext(), sliced),
    "adapters in one product": ("train", lambda g: nullcontext(), peft_layers),
}
"""By what it is: on which work it is measured, the way with it, and the way without."""


def tasks(work: Workload) -> dict[str, Callable[[], None]]:
    """The work to be done, by its name."""
    model, some = work.models.generator, pairs(work, 5)

    def score() -> None:
        with torch.inference_mode():
            model.log_likelihood(some)

    def train() -> None:
        model.log_likelihood(some[:8]).sum().backward()  # type: ignore[no-untyped-call]
        for weight in model.trained().values():
            weight.grad = None

    def decode() -> None:
        model.generate([(pair.x, pair.passages) for pair in some[:8]])

    return {"score": score, "train": train, "decode": decode}


def measured(work: Workload, repeats: int) -> list[dict[str, Any]]:
    """Every means that can be switched in one process."""
    model, todo = work.models.generator, tasks(work)
    found = []
    for name, (kind, *ways) in MEANS.items():

        def timed(way: Without, kind: str = kind) -> Callable[[int], None]:
            def run(turn: int) -> None:
                with way(model):
                    todo[kind]()

            return run

        def show(text: str, name: str = name) -> None:
            print(f"{name}, {text}", file=sys.stderr, flush=True)

        variants = dict(zip(("with", "without"), map(timed, ways), strict=True))
        found.append(entry(name, kind, interleaved(variants, repeats, show=show)))
    return found


def entry(name: str, kind: str, times: dict[str, dict[int, float]]) -> dict[str, Any]:
    """One row of the table."""
    change = {"with/without": ratio(times, "with", "without")}
    return {"means": name, "work": kind, "median": typical(times), "ratio": change}


def in_processes(
    name: str, repeats: int, with_it: Sequence[str], without: Sequence[str], variable: str = ""
) -> dict[str, Any]:
    """A means that takes a process of its own, each way with its options; measured on `train`.

    ``variable`` of the environment is 1 with it and 0 without.
    """
    times: dict[str, dict[int, float]] = {"with": {}, "without": {}}
    memory: dict[str, int] = {}
    for turn in range(repeats):
        for way, options in (("with", with_it), ("without", without)):
            with patch.dict(os.environ, {variable: "1" if way == "with" else "0"} if variable else {}):
                found = last_line(__file__, "--turn", *options)
            times[way][turn], memory[way] = found["seconds"], found["peak"]
            print(f"{name}, {way}: {found['seconds']:.2f} s", file=sys.stderr, flush=True)
    return entry(name, "train", times) | {"memory": memory}


def take_turn(options: argparse.Namespace) -> None:
    """`train` timed in this process, after once untimed."""
    work = load("sample", SAMPLE)
    model = work.models.generator
    model.config = replace(model.config, checkpointing=options.recompute)
    if options.recompute:
        model.model.activation_checkpointing_enable({"use_reentrant": False})
        model.model.set_attn_implementation(PLAIN)
    train = tasks(work)["train"]
    train()
    print(json.dumps({"seconds": seconds(train), "peak": peak_memory()}))


def main() -> None:
    """Measure, keep, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="turns of each way (default 3)")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/means.json"), help="results")
    parser.add_argument("--turn", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--recompute", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        take_turn(options)
        return
    work = load("sample", SAMPLE)
    found = measured(work, options.repeats)
    results = {"machine": machine(work.models.generator), "settings": found}
    del work
    found.append(in_processes("activations in huge pages", 1, [], [], "THP_MEM_ALLOC_ENABLE"))
    found.append(in_processes("activations computed again (an option)", 1, ["--recompute"], []))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, results)
    rows = [
        [
            one["means"],
            one["work"],
            f"{one['median']['with']:.2f}",
            f"{one['median']['without']:.2f}",
            f"{one['ratio']['with/without']:.2f}",
            "".join(f"{one['memory'][way] / 2**30:.1f} " for way in ("with", "without")) if "memory" in one else "",
        ]
        for one in found
    ]
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), end="\n\n")
    print(markdown(["means", "work", "with, s", "without, s", "with/without", "GiB, with and without"], rows))


if __name__ == "__main__":
    main()
