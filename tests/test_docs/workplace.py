"""A folder in which a reader's commands work: the files that the pages name, with tiny models and little data."""

from __future__ import annotations

import argparse
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jsarag.lab
from jsarag.cli.main import main
from jsarag.data.formats import Table, read_table
from jsarag.data.formats.hub import Place
from jsarag.display import Display
from jsarag.files import read_jsonl, write_jsonl
from jsarag.lab import LabConfig
from jsarag.system.listen import bind
from tests import world
from tests.test_docs import shell
from tests.test_docs.markdown import EVERY, ROOT

FILES = {"kb": "passages", "pairs": "train", "dev": "dev", "test": "test", "other": "test", "psgs": "passages"}
"""The names that the pages give to a reader's files."""
SETS = ("path/to/open-squad", "path/to/dstc11", "FOLDER", "DATA")
"""Folders with a converted data set."""
SETTINGS = """
data: {passages: kb.jsonl, train: pairs.jsonl, dev: dev.jsonl, test: test.jsonl}
# Nothing is learned, so the run ends at its second look at the dev pairs, long before it has used up a budget.
loop: {eval_every: 1, patience: 1}
evaluation: {before: false, resamples: 100}
generator: {max_new_tokens: 4}
optim: {lr_prior: 0, lr_posterior: 0, lr_generator: 0}
"""
LITTLE = {
    "replicates": 2,
    "examples": 1,
    "real_examples": 1,
    "real_passages": 4,
    "tail_examples": 4,
    "m": (1, 5),
    "quality": (0.0, 1.0),
}
"""What the laboratory measures here."""


def furnish(folder: Path, encoder: Path, generator: Path) -> Path:
    """Put all that the pages name into ``folder``, but for what their own commands make.

    A local folder goes before a packaged model, so the defaults' names are those of the tiny models.
    """
    (folder / "all-MiniLM-L6-v2").symlink_to(encoder)
    (folder / "SmolLM2-135M-Instruct").symlink_to(generator)
    for name in SETS:
        world.write(folder / name)
    for name, source in FILES.items():
        shutil.copy(folder / "DATA" / f"{source}.jsonl", folder / f"{name}.jsonl")
    pairs = [row for _, row in read_jsonl(folder / "pairs.jsonl")]
    log = "".join(f'"{p["input"]}","{p["outputs"][0]}"\n' for p in pairs)
    (folder / "log.csv").write_text(f"question,answer\n{log}", encoding="utf-8")
    tickets = [{"ticket": {"subject": p["input"]}, "replies": [{"text": y} for y in p["outputs"]]} for p in pairs]
    write_jsonl(folder / "tickets.jsonl", tickets)
    (folder / "feedback.jsonl").write_text((folder / "pairs.jsonl").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "questions.txt").write_text("where is the red lamp ?\nwhere is the blue boat ?\n", encoding="utf-8")
    (folder / "mine.yaml").write_text(SETTINGS, encoding="utf-8")
    run = next(block for block in EVERY if block.language == "yaml")
    (folder / "run.yaml").write_text(run.text, encoding="utf-8")
    (folder / "docs" / "rules").mkdir(parents=True)
    (folder / "docs" / "rules" / "boats.md").write_text("# Boats\n\nThe red boat leaves at noon.\n", encoding="utf-8")
    words = (passage["text"] for _, passage in read_jsonl(folder / "kb.jsonl"))
    (folder / "docs" / "notes.txt").write_text("\n\n".join(words), encoding="utf-8")
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "downloads").mkdir()
    (folder / "downloads" / "doqa").symlink_to(ROOT / "tests" / "data" / "doqa")
    return folder


def play(text: str, folder: Path) -> list[tuple[list[str], int]]:
    """Run the commands of a block in ``folder``, the current one, on what `furnish` put there.

    The command ``jsarag`` is run for real. Scripts that take hours are looked at: whether they are there, whether a
    shell can read them, whether a benchmark has the options.
    """
    scripts = [str(script.relative_to(ROOT)) for script in (ROOT / "experiments").glob("*/run.sh")]
    commands: dict[str, shell.Command] = {
        "jsarag": command,
        "torchrun": torchrun,
        "make": lambda words: _status("make", "--dry-run", "--directory", str(ROOT), *words),
        ".venv/bin/python": benchmark,
        **{script: _readable(ROOT / script) for script in scripts},
    }
    return shell.run(text, folder, commands)


def command(words: list[str]) -> int:
    """``jsarag``: in ``jsarag train ...`` the dots stand for the reader's files."""
    if words[:2] == ["train", "..."]:
        words[1:2] = ["--data.passages", "kb.jsonl", "--data.train", "pairs.jsonl"]
    try:
        hub = patch("jsarag.data.sources.hub.fetch", _hub), patch("jsarag.data.formats.read_hub", _set)
        with small_laboratory(), hub[0], hub[1], _serving_shortly():
            return main(words)
    except SystemExit as help_was_shown:
        return int(help_was_shown.code or 0)


@contextmanager
def _serving_shortly() -> Iterator[None]:
    """Let a server end once it is ready, and take any port."""
    with ExitStack() as patched:
        patched.enter_context(patch("jsarag.serving.server.serve", lambda app, bound, timeout, ready: ready()))
        for place in ("early", "serve"):
            patched.enter_context(patch(f"jsarag.cli.{place}.bind", lambda host, port, **how: bind(host, 0, **how)))
        yield


def torchrun(words: list[str]) -> int:
    """``torchrun``: its own options are read by its own parser; a single process then does the work."""
    from torch.distributed.run import get_args_parser

    values = get_args_parser().parse_args(words)
    assert (values.module, values.training_script) == (True, "jsarag")
    return command(values.training_script_args)


@contextmanager
def small_laboratory() -> Iterator[None]:
    """Let the laboratory measure little; what it is asked for is read, and only then made small."""
    measure = jsarag.lab.run

    def measure_little(config: LabConfig, display: Display) -> dict[str, Any]:
        small: dict[str, Any] = {"k": tuple(k for k in config.k if k <= 5), **LITTLE}
        return measure(replace(config, **small), display)

    module = sys.modules["jsarag.lab.run"]  # its name is also that of the function in it
    sizes = patch.multiple(module, TAIL_EXAMPLES=4, RECOVERY_EXAMPLES=2, STEPS=2, EVERY=1)
    with patch("jsarag.lab.run", measure_little), sizes:
        yield


class _Read(Exception):
    """The options of a script were read without a mistake."""


def archive(words: list[str]) -> int:
    """``python experiments/archive.py``: for real."""
    with patch("sys.argv", words):
        runpy.run_path(str(ROOT / words[0]), run_name="__main__")
    return 0


def benchmark(words: list[str]) -> int:
    """``python benchmarks/NAME.py``: until its options are read."""
    if words[0] == "experiments/archive.py":
        return archive(words)
    parse = argparse.ArgumentParser.parse_args

    def only_parse(self: argparse.ArgumentParser, *given: Any) -> None:
        parse(self, *given)
        raise _Read

    script, *options = words
    folder = str((ROOT / script).parent)
    with (
        patch("sys.argv", [script, *options]),
        patch("sys.path", [folder, *sys.path]),
        patch.object(argparse.ArgumentParser, "parse_args", only_parse),
    ):
        try:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        except _Read:
            return 0
        finally:
            for name in [name for name, module in sys.modules.items() if _lies_in(module, folder)]:
                del sys.modules[name]
    raise AssertionError(f"{script} has no options")


def _lies_in(module: object, folder: str) -> bool:
    return str(Path(getattr(module, "__file__", None) or "").parent) == folder


def _readable(script: Path) -> shell.Command:
    return lambda _: _status("test", "-x", str(script)) or _status("bash", "-n", str(script))


def _status(*words: str) -> int:
    return subprocess.run(words, check=False, capture_output=True).returncode


def _set(address: str, _: Display) -> Table:
    assert Place.of(address)
    return read_table(Path("pairs.jsonl"))


def _hub(address: str, _: object) -> Path:
    assert address.startswith("hf://datasets/")
    return ROOT / "tests" / "data" / "beir"
