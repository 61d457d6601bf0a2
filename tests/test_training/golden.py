"""The golden record: what 20 steps of each objective give on tiny models.

``python -m tests.test_training.golden`` writes it. A change that leaves the mathematics alone must leave the record
alone. A change of numbers on purpose writes the record anew and says why.
"""

from __future__ import annotations

import json
import platform
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers

import jsarag
from jsarag.files import read_jsonl
from jsarag.objectives import OBJECTIVES
from jsarag.parsing import part_names, train_config, train_parser
from tests import tiny, world

FILE = Path(__file__).with_name("golden.json")
STEPS = 20
KEPT = ("loss", "acceptance", "grad_norm/")
"""What is recorded of a step, by how its name begins."""
SETTINGS = (
    *("--loop.steps", str(STEPS), "--loop.eval_every", "0", "--evaluation.before", "false"),
    *("--evaluation.answers", "false", "--evaluation.closed_book", "false"),
)


def machine() -> dict[str, str]:
    """What the last bits of a number depend on, beside the code."""
    facts = Path("/proc/cpuinfo")  # of Linux, where `platform.processor` is empty
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    return versions | {"processor": processor or platform.processor()}


def record(folder: Path, name: str) -> list[dict[str, float]]:
    """The figures of each step of one objective, models and data made anew in ``folder``."""
    torch.set_num_threads(1)
    data, run = world.write(folder), folder / "run"
    encoder, generator = tiny.encoder(folder / "encoder"), tiny.causal(folder / "generator")
    argv = [*world.options(data, encoder, generator, run), *SETTINGS, "--objective.name", name]
    if name == "jsa":
        argv += ["--objective.states", "null"]
    else:  # the one with a chain
        at = argv.index("--objective.m")
        argv = argv[:at] + argv[at + 2 :]
    parser = train_parser(part_names(argv))
    jsarag.train(train_config(parser, parser.read(argv)))
    rows = [row for _, row in read_jsonl(run / "metrics.jsonl") if row["kind"] == "step"]
    return [{key: value for key, value in row.items() if key.startswith(KEPT)} for row in rows]


def main() -> None:
    """Write the record."""
    found: dict[str, Any] = {"machine": machine()}
    for name in OBJECTIVES:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = record(Path(folder), name)
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
