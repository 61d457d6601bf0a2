"""How every kind of index grows with the knowledge base: build time, memory, disk, recall, latency.

python benchmarks/scale.py --data open-squad=FOLDER --data dstc11=FOLDER --json benchmarks/results/scale.json

The vectors have the structure of real ones: passage embeddings of the data sets, each moved by a share of the
difference of two others, so that directions and neighbourhoods stay those of the encoder. Queries are embedded
questions. Every setting runs in a fresh process; finished ones are kept in the JSON file and not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from timing import last_line, peak_memory
from workload import CACHE, data_option, markdown, workloads

from jsarag.files import read_json, write_json
from jsarag.index import INDEXES
from jsarag.index.flat import Flat

MOVED = 0.5
"""Length of the difference that is added to a real vector of length 1, relative to the difference's own."""


def real(options: argparse.Namespace) -> Path:
    """A file with the embeddings of all passages and questions of the data sets."""
    file = CACHE / "scale" / "real.safetensors"
    if not file.exists():
        passages, questions = [], []
        for work, _ in workloads(options.data):
            passages.append(work.kb.vectors)
            with torch.inference_mode():
                questions.append(work.models.prior.embed_queries([case.x for case in work.cases]).cpu())
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({"passages": torch.cat(passages), "questions": torch.cat(questions).clone()}, file)
    return file


def grown(file: Path, size: int) -> Path:
    """A file of ``size`` vectors made from the real ones."""
    target = CACHE / "scale" / f"{size}.safetensors"
    if not target.exists():
        e = load_file(file)["passages"].numpy()
        rng = np.random.default_rng(size)
        made = np.empty((size, e.shape[1]), dtype=np.float32)
        for first in range(0, size, 50_000):
            a, b, c = (e[rng.integers(len(e), size=min(50_000, size - first))] for _ in range(3))
            some = a + MOVED * (b - c)
            made[first : first + len(some)] = some / np.linalg.norm(some, axis=1, keepdims=True)
        save_file({"vectors": torch.from_numpy(made)}, target)
    return target


def one_process(options: argparse.Namespace) -> None:
    """One kind at one size; what the main process starts."""
    kind, size = options.measure[0], int(options.measure[1])
    file = real(options)
    vectors = load_file(grown(file, size))["vectors"].numpy()
    questions = load_file(file)["questions"].numpy()
    queries = questions[np.random.default_rng(0).choice(len(questions), 256, replace=False)]
    truth = Flat().build(vectors).search(queries, 20)[1]
    with TemporaryDirectory() as folder:
        before = resident()
        settings = {"uri": f"{folder}/milvus.db"} if kind == "milvus" else {}
        made = INDEXES[kind](**settings)
        began = time.perf_counter()
        index = made.build(vectors)
        build = time.perf_counter() - began
        resting = resident()
        kept = Path(folder) / "kept"
        kept.mkdir()
        index.save(kept)
        disk = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
        if kind != "milvus":
            began = time.perf_counter()
            index = made.load(kept, vectors)
            opened = time.perf_counter() - began
        else:
            opened = 0.0
        found = index.search(queries, 20)[1]
        latency = {}
        for batch in (1, 64):
            times = []
            for turn in range(30 if batch == 1 else 8):
                chosen = queries[[(turn * batch + i) % len(queries) for i in range(batch)]]
                began = time.perf_counter()
                index.search(chosen, 20)
                times.append(time.perf_counter() - began)
            latency[str(batch)] = median(times)
        result = {
            "kind": kind,
            "passages": size,
            "build_seconds": build,
            "open_seconds": opened,
            "memory_bytes": max(resting - before, 0),
            "peak_bytes": peak_memory(),
            "disk_bytes": disk,
            "recall@20": float(np.mean([len(set(a) & set(b)) / 20 for a, b in zip(found, truth, strict=True)])),
            "latency_seconds": latency,
            "facts": {key: value for key, value in index.facts.items() if key not in ("uri", "collection")},
        }
    print(json.dumps(result))


def resident() -> int:
    """Bytes in memory now that are the process's own: files mapped into memory are not."""
    import psutil

    return int(psutil.Process().memory_full_info().uss)


def exponents(settings: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By kind, the power of the number of passages with which a figure grows, fitted to the logarithms."""
    found: dict[str, dict[str, float]] = {}
    for kind in dict.fromkeys(entry["kind"] for entry in settings):
        mine = [entry for entry in settings if entry["kind"] == kind]
        sizes = np.log([entry["passages"] for entry in mine])
        if len(mine) < 2:
            continue
        figures = {
            "build": [entry["build_seconds"] for entry in mine],
            "latency, 1": [entry["latency_seconds"]["1"] for entry in mine],
            "latency, 64": [entry["latency_seconds"]["64"] for entry in mine],
            "memory": [entry["memory_bytes"] for entry in mine],
        }
        found[kind] = {
            name: round(float(np.polyfit(sizes, np.log(np.maximum(values, 1e-9)), 1)[0]), 2)
            for name, values in figures.items()
        }
    return found


def plot(settings: list[dict[str, Any]], file: Path) -> None:
    """Build time, latency and memory against the number of passages, logarithmic; next to nothing is not drawn."""
    import matplotlib.pyplot as plt

    shown = (
        ("build (s)", lambda entry: round(entry["build_seconds"], 2)),
        ("64 queries (ms)", lambda entry: 1000 * entry["latency_seconds"]["64"]),
        ("1 query (ms)", lambda entry: 1000 * entry["latency_seconds"]["1"]),
        ("memory of its own (MB)", lambda entry: round(entry["memory_bytes"] / 1e6)),
    )
    figure, axes = plt.subplots(1, len(shown), figsize=(13, 3.4), layout="constrained")
    for axis, (title, value) in zip(axes, shown, strict=True):
        for number, kind in enumerate(dict.fromkeys(entry["kind"] for entry in settings)):
            mine = sorted((entry for entry in settings if entry["kind"] == kind), key=lambda entry: entry["passages"])
            points = [(entry["passages"], value(entry)) for entry in mine if value(entry) > 0]
            if points:
                axis.plot(*zip(*points, strict=True), marker="o", markersize=4, label=kind, color=f"C{number}")
        axis.set(xscale="log", yscale="log", title=title, xlabel="passages")
        axis.grid(alpha=0.3)
    axes[1].legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=110)


def main() -> None:
    """Measure what is not yet in the JSON file, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_option(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="passages")
    parser.add_argument("--kinds", nargs="+", choices=INDEXES, default=list(INDEXES), help="default: all")
    parser.add_argument("--json", type=Path, default=Path("runs/benchmarks/scale.json"), help="results (and progress)")
    parser.add_argument("--plot", type=Path, help="write a picture (.png)")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        one_process(options)
        return
    results: dict[str, Any] = read_json(options.json) if options.json.exists() else {"settings": []}
    real(options)
    for size in options.sizes:
        grown(real(options), size)
        for kind in options.kinds:
            if any(entry["kind"] == kind and entry["passages"] == size for entry in results["settings"]):
                continue
            print(f"{kind}, {size:,} passages", file=sys.stderr, flush=True)
            try:
                results["settings"].append(last_line(__file__, "--measure", kind, str(size)))
            except subprocess.CalledProcessError as error:
                print(f"{kind}, {size:,} passages: exit status {error.returncode}", file=sys.stderr, flush=True)
                continue
            results |= {"threads": torch.get_num_threads(), "exponents": exponents(results["settings"])}
            options.json.parent.mkdir(parents=True, exist_ok=True)
            write_json(options.json, results)
    if options.plot:
        plot(results["settings"], options.plot)
    head = ["kind", "passages", "build, s", "open, s", "memory, MB", "disk, MB", "recall@20", "1 query, ms", "64, ms"]
    rows = [
        [
            entry["kind"],
            f"{entry['passages']:,}",
            f"{entry['build_seconds']:.1f}",
            f"{entry['open_seconds']:.2f}",
            f"{entry['memory_bytes'] / 1e6:.0f}",
            f"{entry['disk_bytes'] / 1e6:.0f}",
            f"{entry['recall@20']:.3f}",
            f"{1000 * entry['latency_seconds']['1']:.1f}",
            f"{1000 * entry['latency_seconds']['64']:.1f}",
        ]
        for entry in results["settings"]
    ]
    print(markdown(head, rows))
    print("\nGrowth with N to the power of:\n")
    powers = results.get("exponents", {})
    columns = ["build", "latency, 1", "latency, 64", "memory"]
    grown_with = [[kind, *[f"{found[column]:.2f}" for column in columns]] for kind, found in powers.items()]
    print(markdown(["kind", *columns], grown_with))


if __name__ == "__main__":
    main()
