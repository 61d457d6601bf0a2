"""A tiny data set in files: a KB of a dozen passages, pairs about it, and a configuration that trains in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COLOURS = ("red", "blue", "green")
THINGS = ("lamp", "boat", "key", "stove")


def write(folder: Path) -> Path:
    """Write passages.jsonl, train.jsonl, dev.jsonl and test.jsonl into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    passages: list[dict[str, Any]] = [
        {"id": f"{thing}/{colour}", "title": thing, "text": f"the {colour} {thing} is in the tower of Ada at {i}"}
        for i, (thing, colour) in enumerate((t, c) for t in THINGS for c in COLOURS)
    ]
    pairs: list[dict[str, Any]] = [
        {
            "id": f"{p['id']}/{n}",
            "input": question.format(*p["id"].split("/")),
            "outputs": [p["text"].split()[-1]],
            "gold": [p["id"]],
        }
        for n, question in enumerate(
            ("where is the {1} {0} ?", "at what is the {0} the {1} ?", "who did the {1} {0} ?")
        )
        for p in passages
    ]
    files = {"passages": passages, "train": pairs[:24], "dev": pairs[24:30], "test": pairs[30:]}
    for name, rows in files.items():
        lines(folder / f"{name}.jsonl", rows)
    return folder


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def options(data: Path, encoder: Path, generator: Path, out: Path) -> list[str]:
    """Command-line options of a run of eight steps on this data."""
    chosen = {
        "data.passages": data / "passages.jsonl",
        "data.train": data / "train.jsonl",
        "data.dev": data / "dev.jsonl",
        "data.test": data / "test.jsonl",
        "out": out,
        "encoder.model": encoder,
        "encoder.precision": "fp32",
        "generator.model": generator,
        "generator.precision": "fp32",
        "generator.lora.rank": 4,
        "generator.max_new_tokens": 4,
        "objective.k": 3,
        "objective.m": 10,
        "loop.batch_size": 4,
        "loop.steps": 8,
        "loop.eval_every": 4,
        "optim.lr_prior": 1e-3,
        "optim.lr_posterior": 1e-3,
        "optim.lr_generator": 1e-2,
        "evaluation.resamples": 50,
    }
    return [word for name, value in chosen.items() for word in (f"--{name}", str(value))]
