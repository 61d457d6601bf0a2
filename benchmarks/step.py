"""Time of one optimisation step: JSA, top-K marginalisation, JSA as released, and the bare model calls.

python benchmarks/step.py --data open-squad=FOLDER --data dstc11=FOLDER --json runs/benchmarks/step.json

Variants, all with the same models, batches and random numbers:
  jsa           JSA as `jsarag train` takes a step, generator trained on one state a chain (states=1)
  jsa-all       JSA with every distinct state of the chain trained on
  rag-sequence  top-K marginalisation on the same engine
  released      JSA as in the paper's released code: m proposals, repeats included, padded, all logits
  bare          forward and backward of the networks on the tokens of `jsa`, without padding, and nothing else; timed
                after each step of `jsa` in its process, for the two are so near that minutes between them would show
  transformers  with --networks bart-dpr only: RagSequenceForGeneration with the same BART and DPR networks
  transformers-script  the same in a process like that of a plain script; all others keep the memory they have freed, as
                the command line of jsarag does

They take turns, and every turn is a fresh process: untimed steps, then the timed ones (memory that is
touched for the first time is slow, and a run has only one first step). Side by side in one process they would fragment
each other's memory (JSA takes half as long again beside top-K marginalisation as alone). On a GPU, whose memory PyTorch
counts by itself, all turns are taken in one process.
Each finished setting is kept in the JSON file; the same command goes on where it stopped. To compare two files:
python benchmarks/compare.py NEW OLD.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from timing import AS_PYTHON, Phases, Times, last_line, peak_memory, ratio, seconds, typical
from transformers_rag import Transformers, workload
from transformers_rag import networks as bart_dpr
from variants import Bare, Engine, Recorded, Released, record
from workload import Workload, data_option, load, machine, markdown, sets

from jsarag.files import read_json, write_json
from jsarag.objectives.jsa import JSA
from jsarag.objectives.rag_sequence import RagSequence

VARIANTS = {
    "smollm2-minilm": ("jsa", "jsa-all", "rag-sequence", "released", "bare"),
    "bart-dpr": ("jsa", "rag-sequence", "transformers", "transformers-script"),
}
"""By networks: SmolLM2-135M with adapters and MiniLM; BART-base and a DPR-size BERT, all weights trained."""
NAMES = {
    "smollm2-minilm": "SmolLM2-135M with adapters, all-MiniLM-L6-v2",
    "bart-dpr": "BART-base and a BERT of DPR's size, random weights, all of them trained",
}
RATIOS = {
    "smollm2-minilm": (("jsa", "rag-sequence"), ("jsa", "released"), ("jsa", "bare")),
    "bart-dpr": (
        ("jsa", "rag-sequence"),
        ("rag-sequence", "transformers"),
        ("jsa", "transformers"),
        ("jsa", "transformers-script"),
    ),
}

SELDOM = ("released",)
"""Minutes a step: a single turn, of a quarter of the batch after one pair, scaled up: it goes pair by pair anyway."""

SETTLING = {"jsa": 4}
"""Untimed steps before the first timed one, where it is not one: the memory of the quick ones settles later."""


def made(name: str, work: Workload, options: argparse.Namespace) -> Any:
    """A variant by its name."""
    k, m, size = options.k[0], options.m, options.batch
    if name.startswith("transformers"):
        return Transformers(work, k, size)
    if name == "released":
        return Released(work, JSA(k=k, m=m, states=None), size)
    objectives = {
        "jsa": JSA(k=k, m=m, states=1),
        "jsa-all": JSA(k=k, m=m, states=None),
        "rag-sequence": RagSequence(k=k),
    }
    return Engine(work, objectives[name], size)


def watched(stack: ExitStack, engine: Engine) -> Phases:
    """Seconds of the engine's steps by phase, until the stack closes."""
    phases, models = Phases(), engine.work.models
    generator = models.generator
    for encoder in (models.prior, models.posterior):
        phases.watch(stack, encoder, "_embed", "encode")
        phases.watch(stack, encoder.model, "preprocess", "tokenise")
    for part in ("context", "answer"):
        phases.watch(stack, generator.prompt, part, "tokenise")
    phases.watch(stack, engine.work.kb, "search", "search")
    phases.watch(stack, generator, "_answer_log_probs", lambda: "forward" if torch.is_grad_enabled() else "score")
    phases.watch(stack, generator, "_past", "score")
    phases.watch(stack, engine, "backward", "backward")
    phases.watch(stack, engine.optimisation, "step", "optimizer")
    stack.enter_context(phases.phase("rest"))
    return phases


def take_turn(options: argparse.Namespace) -> dict[str, Any]:
    """One turn of one variant, and what it found."""
    work = loaded_for(options.networks[0], *sets(options.data)[-1])
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    loaded = peak_memory()
    variant = made(options.turn, work, options)
    found: dict[str, Any] = {"machine": machine(work.models.generator), "seconds": {}, "bare": {}, "recorded": {}}
    steps, scale = options.steps, 1.0
    if options.turn in SELDOM:
        variant.size = max(options.batch // 4, 1)
        steps, scale = 1, options.batch / variant.size
        with patch.object(variant, "size", 1):
            variant(options.first - 1)
    else:
        for turn in range(-SETTLING.get(options.turn, 1), 0):
            variant(options.first + turn)
    for turn in range(options.first, options.first + steps):
        with ExitStack() as stack:
            if isinstance(variant, Engine):
                seen = stack.enter_context(record(variant))
                if turn == options.first + steps - 1:  # on a GPU watching holds up the queue
                    phases = watched(stack, variant)
            found["seconds"][turn] = scale * seconds(lambda turn=turn: variant(turn))
        if isinstance(variant, Engine):
            found["recorded"][turn] = seen.__dict__
            if options.bare:
                bare = Bare(work.models, JSA.trains, seen)
                if not found["bare"]:
                    bare()
                found["bare"][turn] = seconds(bare)
            found["distinct"] = variant.diagnostics.get("distinct_proposals")
    if isinstance(variant, Engine):
        found["phases"] = phases.spent
    return found | {"memory": {"loaded": loaded, "peak": peak_memory()}}


def setting(networks: str, data: tuple[str, Path], k: int, options: argparse.Namespace) -> dict[str, Any]:
    """Everything about one data set at one K."""
    common = ["--networks", networks, "--k", str(k), "--m", str(options.m), "--batch", str(options.batch)]
    common += ["--steps", str(options.steps)] + ([] if data[0] == "sample" else ["--data", f"{data[0]}={data[1]}"])
    names = [name for name in chosen(networks, options) if name != "bare"]
    times: Times = {}
    recorded: dict[str, dict[str, Any]] = {}
    found: dict[str, Any] = {"networks": networks, "data": data[0], "k": k, "memory": {}, "phases": {}}
    for first in range(0, options.rounds * options.steps, options.steps):
        for name in names:
            if name in SELDOM and first:
                continue
            place = f"{networks} {data[0]} K={k} {name}"
            beside = ["--bare"] if name == "jsa" and "bare" in chosen(networks, options) else []
            asked = ["--turn", name, "--first", str(first), *common, *beside]
            memory = {AS_PYTHON: "1"} if name == "transformers-script" else {}
            try:
                with patch.dict(os.environ, memory):
                    turn = take_turn(arguments(asked)) if torch.cuda.is_available() else last_line(__file__, *asked)
            except (subprocess.CalledProcessError, torch.OutOfMemoryError) as error:
                say(f"{place}: {error}")
                continue
            say(f"{place}: {', '.join(f'{spent:.2f} s' for spent in turn['seconds'].values())}")
            for variant, spent in ((name, turn["seconds"]), ("bare", turn["bare"])):
                if spent:
                    times.setdefault(variant, {}).update({int(number): each for number, each in spent.items()})
            recorded.setdefault(name, {}).update(turn["recorded"])
            found["machine"] = turn["machine"]
            found["memory"].setdefault(name, turn["memory"])
            if turn.get("phases"):
                found["phases"].setdefault(name, turn["phases"])
            if name == "jsa":
                found["distinct"] = turn["distinct"]
    found |= {"seconds": times, "median": typical(times), "tokens": tokens(recorded)}
    found["ratio"] = {f"{a}/{b}": ratio(times, a, b) for a, b in RATIOS[networks] if {a, b} <= set(times)}
    if {"jsa", "rag-sequence"} <= set(times):
        peak = {name: found["memory"][name]["peak"] for name in ("jsa", "rag-sequence")}
        found["ratio"]["memory, jsa/rag-sequence"] = peak["jsa"] / peak["rag-sequence"]
    return found


def tokens(recorded: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By variant the generator's tokens a step without and with gradient, and the share of padding."""
    found = {}
    for name, turns in recorded.items():
        seen = [Recorded(**one) for one in turns.values()]
        if seen:
            found[name] = {
                "scored": sum(n for s in seen for n, _ in s.scored) / len(seen),
                "trained": sum(n for s in seen for n, _ in s.trained) / len(seen),
                "padding": 1 - sum(s.needed for s in seen) / sum(s.computed for s in seen),
            }
    return found


@lru_cache(maxsize=1)
def loaded_for(networks: str, name: str, folder: Path) -> Workload:
    """A data set with the networks."""
    if networks == "bart-dpr":
        return workload(name, folder, bart_dpr())
    return load(name, folder)


def chosen(networks: str, options: argparse.Namespace) -> list[str]:
    """The variants of these networks that the command line asks for."""
    return [name for name in VARIANTS[networks] if not options.variants or name in options.variants]


def tables(results: dict[str, Any]) -> str:
    """Markdown: for each pair of networks times, ratios, memory and padding, then seconds by phase."""
    parts = [", ".join(f"{key} {value}" for key, value in results["machine"].items())]
    for networks, names in VARIANTS.items():
        settings = [found for found in results["settings"] if found["networks"] == networks]
        if settings:
            parts.append(f"{networks}: {NAMES[networks]}\n\n{_times(settings)}")
            profiled = [name for name in names if any(name in found["phases"] for found in settings)]
            parts += [f"Seconds by phase, {name}:\n\n{_phases(settings, name)}" for name in profiled]
    return "\n\n".join(parts) + "\n"


def _times(settings: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for found in settings for name in found["median"]))
    ratios = list(dict.fromkeys(name for found in settings for name in found["ratio"]))
    head = ["data", "K", "distinct", *[f"{name}, s" for name in names], *ratios]
    head += [f"{name}, GiB" for name in names] + ["padding"]
    rows = []
    for found in settings:
        median, memory, distinct = found["median"], found["memory"], found.get("distinct")
        rows.append(
            [found["data"], str(found["k"]), f"{distinct:.1f}" if distinct else ""]
            + [f"{median[name]:.2f}" if name in median else "" for name in names]
            + [f"{found['ratio'][name]:.2f}" if name in found["ratio"] else "" for name in ratios]
            + [f"{memory[name]['peak'] / 2**30:.1f}" if name in memory else "" for name in names]
            + [f"{100 * found['tokens']['jsa']['padding']:.0f} %" if "jsa" in found["tokens"] else ""]
        )
    return markdown(head, rows)


def _phases(settings: list[dict[str, Any]], name: str) -> str:
    columns = ["search", "tokenise", "encode", "score", "forward", "backward", "optimizer", "rest"]
    rows = [
        [found["data"], str(found["k"]), *[f"{found['phases'][name].get(column, 0.0):.3f}" for column in columns]]
        for found in settings
        if name in found["phases"]
    ]
    return markdown(["data", "K", *columns], rows)


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line, or what is given in its place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_option(parser)
    parser.add_argument("--k", type=int, nargs="+", default=[5, 10, 20], help="passages a source (default 5 10 20)")
    parser.add_argument("--m", type=int, default=50, help="transitions of the chain (default 50)")
    parser.add_argument("--batch", type=int, default=8, help="pairs a step (default 8)")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each variant, fresh processes (default 2)")
    parser.add_argument("--steps", type=int, default=2, help="timed steps a turn (default 2)")
    parser.add_argument("--networks", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="default: both")
    every = sorted({name for names in VARIANTS.values() for name in names})
    parser.add_argument("--variants", nargs="+", choices=every, help="default: all")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/step.json"), help="results (and progress)")
    parser.add_argument("--turn", choices=every, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(given)


def main() -> None:
    """Run what is not yet in the JSON file, then print the tables."""
    options = arguments()
    if options.turn:
        print(json.dumps(take_turn(options)))
        return
    results: dict[str, Any] = read_json(options.json) if options.json.exists() else {"settings": []}
    results |= {"m": options.m, "batch": options.batch}
    done = {(found["networks"], found["data"], found["k"]) for found in results["settings"]}
    for networks in options.networks:
        for data in sets(options.data):
            loaded_for(networks, *data)  # the index is built before the first turn, not in it
            for k in options.k:
                if (networks, data[0], k) in done:
                    continue
                found = setting(networks, data, k, options)
                results["machine"] = found.pop("machine")
                results["settings"].append(found)
                options.json.parent.mkdir(parents=True, exist_ok=True)
                write_json(options.json, results)
    print(tables(results))


if __name__ == "__main__":
    main()
