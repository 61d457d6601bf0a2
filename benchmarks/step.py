"""Time of one optimisation step: JSA, top-K marginalisation, JSA as released, and the bare model calls.

python benchmarks/step.py --data open-squad=FOLDER --data dstc11=FOLDER --json runs/benchmarks/step.json

Variants, all with the same models, batches and random numbers, in turns:
  jsa           JSA as `jsarag train` takes a step, generator trained on one state a chain (states=1)
  jsa-all       JSA with every distinct state of the chain trained on
  rag-sequence  top-K marginalisation on the same engine
  released      JSA as in the paper's released code: m proposals, repeats included, padded, all logits
  bare          forward and backward of the networks on the tokens of `jsa`, without padding, and nothing else

Each finished setting is kept in the JSON file; the same command goes on where it stopped. To compare two files:
python benchmarks/compare.py NEW OLD.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import torch
from timing import Phases, interleaved, peak_memory, ratio
from variants import Bare, Engine, Released, record
from workload import Workload, data_option, load, machine, sets

from jsarag.files import read_json, write_json
from jsarag.objectives.jsa import JSA
from jsarag.objectives.rag_sequence import RagSequence
from jsarag.training.step import Models

VARIANTS = ("jsa", "jsa-all", "rag-sequence", "released", "bare")
TARGETS = (("jsa", "rag-sequence", 0.5), ("jsa", "released", 0.2), ("jsa", "bare", 1.15))


def made(name: str, work: Workload, k: int, m: int, size: int, turns: int) -> Any:
    """A variant by its name."""
    jsa = JSA(k=k, m=m, states=1)
    if name == "bare":
        return Bare(Engine(work, jsa, size), turns)
    if name == "released":
        return Released(work, JSA(k=k, m=m), size)
    objective = {"jsa": jsa, "jsa-all": JSA(k=k, m=m), "rag-sequence": RagSequence(k=k)}[name]
    return Engine(work, objective, size)


def profile(engine: Engine, turn: int) -> dict[str, float]:
    """Seconds of one step by phase."""
    phases, models = Phases(), engine.work.models
    generator = models.generator
    with ExitStack() as stack:
        for encoder in (models.prior, models.posterior):
            phases.watch(stack, encoder, "_embed", "encode")
            phases.watch(stack, encoder.model, "preprocess", "tokenise")
        for part in ("context", "answer"):
            phases.watch(stack, generator.prompt, part, "tokenise")
        phases.watch(stack, engine.work.kb, "search", "search")
        watched = "_answer_log_probs"
        phases.watch(stack, generator, watched, lambda: "forward" if torch.is_grad_enabled() else "score")
        phases.watch(stack, engine, "backward", "backward")
        phases.watch(stack, engine.optimisation, "step", "optimizer")
        with phases.phase("rest"):
            engine(turn)
    return phases.spent


def setting(work: Workload, k: int, options: argparse.Namespace) -> dict[str, Any]:
    """Everything about one data set at one K."""
    names, turns = options.variants, options.repeats
    variants = {name: made(name, work, k, options.m, options.batch, turns) for name in names}
    times = interleaved(variants, turns, show=lambda text: say(f"{work.name} K={k} {text}"))
    found: dict[str, Any] = {
        "data": work.name,
        "k": k,
        "seconds": times,
        "median": {name: median(values) for name, values in times.items()},
        "ratio": {f"{a}/{b}": ratio(times, a, b) for a, b, _ in TARGETS if {a, b} <= set(names)},
        "tokens": {},
        "phases": {},
    }
    for name, engine in variants.items():
        if isinstance(engine, Engine):
            seen = [record(engine, turn) for turn in range(turns)]
            needed, computed = sum(s.needed for s in seen), sum(s.computed for s in seen)
            found["tokens"][name] = {
                "scored": sum(n for s in seen for n, _ in s.scored) / turns,
                "trained": sum(n for s in seen for n, _ in s.trained) / turns,
                "padding": 1 - needed / computed,
            }
            spent = [profile(engine, turn) for turn in range(turns)]
            found["phases"][name] = {p: sum(s.get(p, 0.0) for s in spent) / turns for p in spent[0]}
    return found


def memory_of(name: str, data: tuple[str, Path], k: int, options: argparse.Namespace) -> dict[str, int]:
    """Peak memory of a fresh process that takes two steps of one variant, and what it held before the first."""
    command = [sys.executable, __file__, "--memory", name, "--k", str(k), "--m", str(options.m)]
    command += ["--batch", str(options.batch), "--repeats", "2"]
    if data[0] != "sample":
        command += ["--data", f"{data[0]}={data[1]}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one_process(options: argparse.Namespace) -> None:
    """What `memory_of` starts."""
    work = load(*sets(options.data)[-1])
    loaded = peak_memory()
    variant = made(options.memory, work, options.k[0], options.m, options.batch, options.repeats)
    for turn in range(options.repeats):
        variant(turn)
    print(json.dumps({"loaded": loaded, "peak": peak_memory()}))


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    names = results["variants"]
    head = ["data", "K", *[f"{name}, s" for name in names], *[f"{a}/{b}" for a, b, _ in TARGETS]]
    lines = [f"| {' | '.join([*head, 'memory', 'padding'])} |", f"| --- |{' --- |' * (len(head) + 1)}"]
    for found in results["settings"]:
        cells = [found["data"], str(found["k"]), *[f"{found['median'][name]:.2f}" for name in names]]
        cells += [f"{found['ratio'][f'{a}/{b}']:.2f}" if f"{a}/{b}" in found["ratio"] else "" for a, b, _ in TARGETS]
        memory = found.get("memory", {})
        if {"jsa", "rag-sequence"} <= set(memory):
            jsa, other = memory["jsa"]["peak"], memory["rag-sequence"]["peak"]
            cells.append(f"{jsa / 2**30:.1f} / {other / 2**30:.1f} GiB = {jsa / other:.2f}")
        else:
            cells.append("")
        cells.append(f"{100 * found['tokens']['jsa']['padding']:.0f} %" if "jsa" in found["tokens"] else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def phases_table(results: dict[str, Any], name: str) -> str:
    """Markdown: seconds by phase of one variant."""
    columns = ["search", "tokenise", "encode", "score", "forward", "backward", "optimizer", "rest"]
    lines = [f"| {' | '.join(['data', 'K', *columns])} |", f"| --- |{' --- |' * (len(columns) + 1)}"]
    for found in results["settings"]:
        if name in found["phases"]:
            cells = [f"{found['phases'][name].get(column, 0.0):.3f}" for column in columns]
            lines.append(f"| {' | '.join([found['data'], str(found['k']), *cells])} |")
    return "\n".join(lines) + "\n"


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run what is not yet in the JSON file, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_option(parser)
    parser.add_argument("--k", type=int, nargs="+", default=[5, 10, 20], help="passages a source (default 5 10 20)")
    parser.add_argument("--m", type=int, default=50, help="transitions of the chain (default 50)")
    parser.add_argument("--batch", type=int, default=8, help="pairs a step (default 8)")
    parser.add_argument("--repeats", type=int, default=5, help="timed steps of each variant (default 5)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS, help="default: all")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/step.json"), help="results (and progress)")
    parser.add_argument("--no-memory", action="store_true", help="skip the fresh processes that measure memory")
    parser.add_argument("--memory", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        one_process(options)
        return
    results: dict[str, Any] = read_json(options.json) if options.json.exists() else {"settings": []}
    models: Models | None = None
    for name, folder in sets(options.data):
        left = [k for k in options.k if not any(f["data"] == name and f["k"] == k for f in results["settings"])]
        if not left:
            continue
        work = load(name, folder, models)
        models = work.models
        results |= {"machine": machine(models.generator), "variants": list(options.variants)}
        results |= {"m": options.m, "batch": options.batch}
        for k in left:
            found = setting(work, k, options)
            if not options.no_memory:
                measured = [variant for variant in ("jsa", "rag-sequence") if variant in options.variants]
                found["memory"] = {variant: memory_of(variant, (name, folder), k, options) for variant in measured}
            results["settings"].append(found)
            options.json.parent.mkdir(parents=True, exist_ok=True)
            write_json(options.json, results)
    print(", ".join(f"{key} {value}" for key, value in results["machine"].items()), end="\n\n")
    print(table(results))
    for variant in results["settings"][0]["phases"]:
        print(f"Seconds by phase, {variant}:\n\n{phases_table(results, variant)}")


if __name__ == "__main__":
    main()
