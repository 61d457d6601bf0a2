"""What is no regular file or folder, in every place where a command reads one: pipes, devices, sockets, links."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.reliability.hostile import stand
from tests.reliability.hostile.case import Case

BAD = "bad"
READS: dict[str, tuple[str, Callable[[str], tuple[str, ...]]]] = {
    "train --config": (".yaml", lambda f: (*stand.TRAIN, "--config", f)),
    "train --data.train": (".jsonl", lambda f: (*stand.TRAIN, "--data.train", f)),
    "train --data.passages": (".csv", lambda f: (*stand.TRAIN, "--data.passages", f)),
    "train --data.dev": (".xlsx", lambda f: (*stand.TRAIN, "--data.dev", f)),
    "train --index.path": ("", lambda f: (*stand.TRAIN, "--index.path", f)),
    "train --encoder.model": ("", lambda f: (*stand.TRAIN, "--encoder.model", f"./{f}")),
    "train --generator.model": ("", lambda f: (*stand.TRAIN, "--generator.model", f"./{f}")),
    "train --generator.model, gguf": (".gguf", lambda f: (*stand.TRAIN, "--generator.model", f"./{f}")),
    "train --resume": ("", lambda f: ("train", "--resume", f)),
    "train --from": ("", lambda f: ("train", "--from", f, "--out", "runs/new")),
    "index --passages": (".parquet", lambda f: ("index", "--passages", f, *stand.ENCODER, "--out", "indexes/new")),
    "ask --run": ("", lambda f: ("ask", "--run", f, "who ?")),
    "ask --kb": (".jsonl", lambda f: (*stand.ASK, "--kb", f)),
    "ask --questions": (".txt", lambda f: (*stand.ASK[:3], "--questions", f)),
    "evaluate --data": (".json", lambda f: (*stand.EVALUATE, "--data", f)),
    "compare": ("", lambda f: ("compare", "runs/mine", f)),
    "compare, an archive": (".parquet", lambda f: ("compare", "runs/mine", f)),
    "data --from": ("", lambda f: ("data", "squad", "--from", f, "--unverified", "--out", "converted-new")),
    "data --check": ("", lambda f: ("data", "squad", "--check", f)),
    "split": (".jsonl", lambda f: ("split", f, "--out", "pairs")),
    "split --passages": (".txt", lambda f: (*stand.SPLIT, "--passages", f)),
    "ingest": (".md", lambda f: ("ingest", f, *stand.ENCODER, "--out", "kb")),
    "export": ("", lambda f: ("export", f, "--out", "exported-new")),
    "push": ("", lambda f: ("push", f, "me/mine")),
    "serve": ("", lambda f: ("serve", f, "--port", "0")),
    "serve --keys": (".txt", lambda f: (*stand.SERVE, "--keys", f)),
    "serve --runs": ("", lambda f: (*stand.SERVE, "--runs", f)),
    "serve --kb": (".jsonl", lambda f: (*stand.SERVE, "--kb", f)),
    "check": ("", lambda f: ("check", f)),
}
"""The ending of what is read, and the command that reads it."""
WRITES: dict[str, tuple[str, Callable[[str], tuple[str, ...]]]] = {
    "train --out": ("", lambda f: (*stand.TRAIN, "--out", f)),
    "train --json": (".json", lambda f: (*stand.TRAIN, "--dry-run", "--json", f)),
    "index --out": ("", lambda f: (*stand.INDEX, "--out", f)),
    "evaluate --json": (".json", lambda f: (*stand.EVALUATE, "--json", f)),
    "evaluate --rows": (".jsonl", lambda f: (*stand.EVALUATE, "--rows", f)),
    "evaluate --table": (".csv", lambda f: (*stand.EVALUATE, "--table", f)),
    "compare --out": (".html", lambda f: (*stand.COMPARE, "--out", f)),
    "compare --json": (".json", lambda f: (*stand.COMPARE, "--json", f)),
    "data --out": ("", lambda f: (*stand.CONVERT, "--out", f)),
    "data check --json": (".json", lambda f: (*stand.CHECK_DATA, "--json", f)),
    "split --out": ("", lambda f: (*stand.SPLIT, "--out", f)),
    "ingest --out": ("", lambda f: (*stand.INGEST, "--out", f)),
    "export --out": ("", lambda f: (*stand.EXPORT, "--out", f)),
    "lab --json": (".json", lambda f: (*stand.LAB, "--json", f)),
    "lab --out": ("", lambda f: (*stand.LAB, "--out", f)),
    "serve --feedback": (".jsonl", lambda f: (*stand.SERVE, "--feedback", f)),
}


def pipe(path: Path) -> None:
    """A pipe that nobody writes."""
    os.mkfifo(path)


def bound(path: Path) -> None:
    """A socket."""
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def file(path: Path) -> None:
    """A file."""
    path.write_text("x")


def link(target: str) -> Callable[[Path], None]:
    """A link there."""
    return lambda path: path.symlink_to(target)


KINDS: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "a socket": bound,
    "zeros without end": link("/dev/zero"),
    "the null device": link("/dev/null"),
    "a link that leads nowhere": link("nothing"),
    "a link to itself": link(BAD),
    "nothing": lambda path: None,
}
FULL = ("zeros without end", "a pipe", "the null device", "a socket", "a link to itself")
"""What cannot be written."""


def cases() -> Iterator[Case]:
    """Each of them in each place."""
    for place, (ending, argv) in READS.items():
        for what, make in KINDS.items():
            yield _case("pipes, devices, links read", place, ending, argv, what, make)
        if not ending:
            yield _case("files as folders", place, ending, argv, "a file", file)
        else:
            yield _case("folders as files", place, ending, argv, "an empty folder", Path.mkdir)
    for place, (ending, argv) in WRITES.items():
        for what in FULL:
            yield _case("pipes, devices, links written", place, ending, argv, what, KINDS[what])


def _case(
    kind: str,
    place: str,
    ending: str,
    argv: Callable[[str], tuple[str, ...]],
    what: str,
    make: Callable[[Path], None],
) -> Case:
    file = f"{BAD}{ending}"

    def put(folder: Path) -> None:
        if what == "a link to itself":
            (folder / file).symlink_to(file)
        else:
            make(folder / file)

    return Case(kind, f"{place}, {what}", argv(file), (file,), put)
