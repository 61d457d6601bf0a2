"""Time of one optimisation step: JSA, top-K marginalisation, JSA as released, and the bare model calls.

python benchmarks/step.py --data open-squad=FOLDER --data dstc11=FOLDER --json runs/benchmarks/step.json

Variants, all with the same models, batches and random numbers, in turns:
  jsa           JSA as `jsarag train` takes a step, generator trained on one state a chain (states=1)
  jsa-all       JSA with every distinct state of the chain trained on
  rag-sequence  top-K marginalisation on the same engine
  released      JSA as in the paper's released code: m proposals, repeats included, padded, all logits
  bare          forward and backward of the networks on the tokens of `jsa`, without padding, and nothing else
  transformers  with --networks bart-dpr only: RagSequenceForGeneration with the same BART and DPR networks

Each finished setting is kept in the JSON file; the same command goes on where it stopped. To compare two files:
python benchmarks/compare.py NEW OLD.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from timing import Phases, interleaved, memory_of, peak_memory, ratio, typical
from transformers_rag import Transformers, workload
from transformers_rag import networks as bart_dpr
from variants import Bare, Engine, Released, record
from workload import Workload, data_option, load, machine, markdown, sets

from jsarag.files import read_json, write_json
from jsarag.objectives.jsa import JSA
from jsarag.objectives.rag_sequence import RagSequence
from jsarag.training.step import Models

VARIANTS = {
    "smollm2-minilm": ("jsa", "jsa-all", "rag-sequence", "released", "bare"),
    "bart-dpr": ("jsa", "rag-sequence", "transformers"),
}
"""By networks: SmolLM2-135M with adapters and MiniLM; BART-base and a DPR-size BERT, all weights trained."""
NAMES = {
    "smollm2-minilm": "SmolLM2-135M with adapters, all-MiniLM-L6-v2",
    "bart-dpr": "BART-base and a BERT of DPR's size, random weights, all of them trained",
}
RATIOS = {
    "smollm2-minilm": (("jsa", "rag-sequence"), ("jsa", "released"), ("jsa", "bare")),
    "bart-dpr": (("jsa", "rag-sequence"), ("rag-sequence", "transformers"), ("jsa", "transformers")),
}

SELDOM = ("released",)
"""Timed in every other turn: minutes each."""
PROFILED = 1
"""Steps whose phases and tokens are looked at."""


def made(name: str, work: Workload, k: int, m: int, size: int, turns: int) -> Any:
    """A variant by its name."""
    jsa = JSA(k=k, m=m, states=1)
    if name == "bare":
        return Bare(Engine(work, jsa, size), turns)
    if name == "transformers":
        return Transformers(work, k, size)
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
        phases.watch(stack, generator, "_past", "score")
        phases.watch(stack, engine, "backward", "backward")
        phases.watch(stack, engine.optimisation, "step", "optimizer")
        with phases.phase("rest"):
            engine(turn)
    return phases.spent


def setting(networks: str, work: Workload, k: int, options: argparse.Namespace) -> dict[str, Any]:
    """Everything about one data set at one K."""
    names, turns = chosen(networks, options), options.repeats
    variants = {name: made(name, work, k, options.m, options.batch, turns) for name in names}
    times = interleaved(variants, turns, seldom=SELDOM, show=lambda text: say(f"{networks} {work.name} K={k} {text}"))
    found: dict[str, Any] = {
        "networks": networks,
        "data": work.name,
        "k": k,
        "seconds": times,
        "median": typical(times),
        "ratio": {f"{a}/{b}": ratio(times, a, b) for a, b in RATIOS[networks] if {a, b} <= set(names)},
        "tokens": {},
        "phases": {},
    }
    for name, engine in variants.items():
        if isinstance(engine, Engine):
            found.setdefault("distinct", engine.diagnostics.get("distinct_proposals"))
            looked_at = range(min(turns, PROFILED))
            seen = [record(engine, turn) for turn in looked_at]
            needed, computed = sum(s.needed for s in seen), sum(s.computed for s in seen)
            found["tokens"][name] = {
                "scored": sum(n for s in seen for n, _ in s.scored) / len(seen),
                "trained": sum(n for s in seen for n, _ in s.trained) / len(seen),
                "padding": 1 - needed / computed,
            }
            spent = [profile(engine, turn) for turn in looked_at]
            found["phases"][name] = {p: sum(s.get(p, 0.0) for s in spent) / len(spent) for p in spent[0]}
    return found


def memory(networks: str, name: str, data: tuple[str, Path], k: int, options: argparse.Namespace) -> dict[str, int]:
    """Peak memory of a fresh process that takes two steps of one variant, and what it held before the first."""
    given = ["--memory", name, "--networks", networks, "--k", str(k), "--m", str(options.m)]
    given += ["--batch", str(options.batch), "--repeats", "2"]
    if data[0] != "sample":
        given += ["--data", f"{data[0]}={data[1]}"]
    return memory_of(__file__, *given)


def one_process(options: argparse.Namespace) -> None:
    """What `memory` starts."""
    name, folder = sets(options.data)[-1]
    work = loaded_for(options.networks[0], name, folder, None)
    loaded = peak_memory()
    variant = made(options.memory, work, options.k[0], options.m, options.batch, options.repeats)
    for turn in range(options.repeats):
        variant(turn)
    print(json.dumps({"loaded": loaded, "peak": peak_memory()}))


def loaded_for(networks: str, name: str, folder: Path, models: Models | None) -> Workload:
    """A data set with the networks; loaded unless ``models`` are given."""
    if networks == "bart-dpr":
        return workload(name, folder, models or bart_dpr())
    return load(name, folder, models)


def chosen(networks: str, options: argparse.Namespace) -> list[str]:
    """The variants of these networks that the command line asks for."""
    return [name for name in VARIANTS[networks] if not options.variants or name in options.variants]


def tables(results: dict[str, Any]) -> str:
    """Markdown: for each pair of networks times, ratios, memory and padding, then seconds by phase."""
    parts = [", ".join(f"{key} {value}" for key, value in results["machine"].items())]
    for networks in VARIANTS:
        settings = [found for found in results["settings"] if found["networks"] == networks]
        if settings:
            parts.append(f"{networks}: {NAMES[networks]}\n\n{_times(settings)}")
            for name in settings[0]["phases"]:
                parts.append(f"Seconds by phase, {name}:\n\n{_phases(settings, name)}")
    return "\n\n".join(parts) + "\n"


def _times(settings: list[dict[str, Any]]) -> str:
    names, ratios = list(settings[0]["median"]), list(settings[0]["ratio"])
    head = ["data", "K", "distinct", *[f"{name}, s" for name in names], *ratios, "memory, jsa/rag-sequence", "padding"]
    rows = []
    for found in settings:
        memory = found.get("memory", {})
        shown = ""
        if {"jsa", "rag-sequence"} <= set(memory):
            jsa, other = memory["jsa"]["peak"], memory["rag-sequence"]["peak"]
            shown = f"{jsa / 2**30:.1f} / {other / 2**30:.1f} GiB = {jsa / other:.2f}"
        distinct = found.get("distinct")
        rows.append(
            [found["data"], str(found["k"]), f"{distinct:.1f}" if distinct else ""]
            + [f"{found['median'][name]:.2f}" for name in names]
            + [f"{found['ratio'][name]:.2f}" for name in ratios]
            + [shown, f"{100 * found['tokens']['jsa']['padding']:.0f} %" if "jsa" in found["tokens"] else ""]
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


def main() -> None:
    """Run what is not yet in the JSON file, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_option(parser)
    parser.add_argument("--k", type=int, nargs="+", default=[5, 10, 20], help="passages a source (default 5 10 20)")
    parser.add_argument("--m", type=int, default=50, help="transitions of the chain (default 50)")
    parser.add_argument("--batch", type=int, default=8, help="pairs a step (default 8)")
    parser.add_argument("--repeats", type=int, default=5, help="timed steps of each variant (default 5)")
    parser.add_argument("--networks", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="default: both")
    every = sorted({name for names in VARIANTS.values() for name in names})
    parser.add_argument("--variants", nargs="+", choices=every, help="default: all")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/step.json"), help="results (and progress)")
    parser.add_argument("--no-memory", action="store_true", help="skip the fresh processes that measure memory")
    parser.add_argument("--memory", choices=every, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        one_process(options)
        return
    results: dict[str, Any] = read_json(options.json) if options.json.exists() else {"settings": []}
    for networks in options.networks:
        models: Models | None = None
        for name, folder in sets(options.data):
            done = {(f["networks"], f["data"], f["k"]) for f in results["settings"]}
            left = [k for k in options.k if (networks, name, k) not in done]
            if not left:
                continue
            work = loaded_for(networks, name, folder, models)
            models = work.models
            results |= {"machine": machine(models.generator), "m": options.m, "batch": options.batch}
            for k in left:
                found = setting(networks, work, k, options)
                if not options.no_memory:
                    found["memory"] = {
                        variant: memory(networks, variant, (name, folder), k, options)
                        for variant in ("jsa", "rag-sequence")
                        if variant in found["median"]
                    }
                results["settings"].append(found)
                options.json.parent.mkdir(parents=True, exist_ok=True)
                write_json(options.json, results)
    print(tables(results))


if __name__ == "__main__":
    main()
