"""Results where they must not go: into what is read, over what is another's, where nothing can be written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.reliability.hostile import stand
from tests.reliability.hostile.case import Case, Put
from tests.reliability.hostile.tables.special import WRITES

LONG = "x" * 300
PLACES = {
    "below a file": "config.yaml/new",
    "a name too long": LONG,
    "a file system of the kernel": "/proc/new",
    "a device below": "/dev/null/new",
    "a folder of a loop": "loop/new",
}
INSIDE = {
    "train, into a model": (*stand.TRAIN, "--out", "models/encoder"),
    "train, into an index": (*stand.TRAIN, "--index.path", "indexes/kb", "--out", "indexes/kb"),
    "train, over a run": (*stand.TRAIN, "--out", "runs/mine"),
    "train, here": (*stand.TRAIN, "--out", "."),
    "train, over its own start": ("train", "--from", "runs/mine", "--out", "runs/mine"),
    "index, into the data": (*stand.INDEX, "--out", "data"),
    "index, into the encoder": (*stand.INDEX, "--out", "models/encoder"),
    "index, over a run": (*stand.INDEX, "--out", "runs/mine"),
    "index, over what is not ours": (*stand.INDEX, "--out", "documents"),
    "evaluate, into the run": (*stand.EVALUATE, "--json", "runs/mine/x.json"),
    "evaluate, over the summary": (*stand.EVALUATE, "--rows", "runs/mine/summary.json"),
    "evaluate, over the pairs": (*stand.EVALUATE, "--data", "data/test.jsonl", "--rows", "data/test.jsonl"),
    "evaluate, two over one": (*stand.EVALUATE, "--json", "x.json", "--rows", "x.json"),
    "compare, into a run": (*stand.COMPARE, "--json", "runs/mine/summary.json"),
    "compare, two over one": (*stand.COMPARE, "--json", "x.json", "--markdown", "./x.json"),
    "data, into what is read": (*stand.CONVERT[:-1], "published"),
    "data, below what is read": (*stand.CONVERT[:-1], "published/new"),
    "data, over what is not ours": (*stand.CONVERT[:-1], "data"),
    "data check, over what is read": (*stand.CHECK_DATA, "--json", "data/train.jsonl"),
    "split, into the data": (*stand.SPLIT, "--out", "data"),
    "split, over a run": (*stand.SPLIT, "--out", "runs/mine"),
    "ingest, into the documents": (*stand.INGEST, "--out", "documents"),
    "ingest, below the documents": (*stand.INGEST, "--out", "documents/kb"),
    "ingest, over a run": (*stand.INGEST, "--out", "runs/mine"),
    "export, into the run": (*stand.EXPORT, "--out", "runs/mine/exported"),
    "export, over the run": (*stand.EXPORT, "--out", "runs/mine"),
    "export, over an export": (*stand.EXPORT, "--out", "exported"),
    "export, over what is not ours": (*stand.EXPORT, "--out", "documents"),
    "lab, over a model": (*stand.LAB, "--json", "models/encoder/config.json"),
    "lab, two over one": (*stand.LAB, "--out", "lab", "--json", "lab/lab.html"),
    "serve, feedback into the run": (*stand.SERVE, "--feedback", "runs/mine/config.yaml"),
    "serve, feedback over the keys": (*stand.SERVE, "--keys", "config.yaml", "--feedback", "config.yaml"),
    "train, figures over the pairs": (*stand.TRAIN, "--dry-run", "--json", "data/train.jsonl"),
}


def loop(folder: Path) -> None:
    """Two links that lead to each other."""
    (folder / "loop").symlink_to("pool")
    (folder / "pool").symlink_to("loop")


def locked(folder: Path) -> None:
    """A file and a folder that may not be touched."""
    (folder / "locked").mkdir()
    (folder / "locked.jsonl").write_text('{"input": "a ?", "outputs": ["b"]}\n')
    (folder / "locked").chmod(0)
    (folder / "locked.jsonl").chmod(0)


def cases() -> Iterator[Case]:
    """All of them; what may not be read or written only where this process is not the administrator's."""
    for place, (ending, argv) in WRITES.items():
        for what, path in PLACES.items():
            put: Put = loop
            name = path + ending
            yield Case("places that cannot be written", f"{place}, {what}", argv(name), (place.rpartition(" ")[2],
                       path.partition("/")[0] or "/", name), put)  # fmt: skip
        if os.geteuid():
            argv_locked = argv(f"locked/new{ending}")
            yield Case("what may not be touched", f"{place}", argv_locked, ("locked",), locked)
    for what, inside in INSIDE.items():
        yield Case("results over what is read", what, inside, ("--", inside[-1], "runs/mine", "lies in"))
    if os.geteuid():
        split = ("split", "locked.jsonl")
        yield Case("what may not be touched", "split, the pairs", split, ("locked.jsonl",), locked)
