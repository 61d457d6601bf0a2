"""Files of runs, indexes, exports and data sets of the wrong shape: pointers, manifests, checksums, summaries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tests.reliability.hostile import stand
from tests.reliability.hostile.case import Case, Put

SHAPES = {
    "null": "null",
    "a number": "5",
    "a text": '"x"',
    "a list": "[1, 2]",
    "an empty object": "{}",
    "nothing": "",
    "an open brace": "{",
    "deep": "[" * 100_000 + "]" * 100_000,
    "5,000 digits": '{"format": ' + "9" * 5000 + "}",
    "half a character": '{"folder": "\\ud800", "files": {}}',
    "NaN": '{"step": NaN, "files": NaN, "format": NaN}',
    "lists for all": '{"format": [], "files": [], "folder": [], "step": [], "sha256": [], "written": [], "read": []}',
    "nulls for all": '{"format": null, "files": null, "folder": null, "step": null, "written": null, "read": null}',
}
SEALED = {
    "the pointer best.json, asked": ("runs/mine/checkpoints/best.json", stand.ASK),
    "the pointer last.json, asked": ("runs/mine/checkpoints/last.json", (*stand.ASK, "--weights", "last")),
    "checksums of an index": ("indexes/kb/checksums.json", (*stand.ASK, "--kb", "indexes/kb")),
    "the manifest of an index": ("indexes/kb/manifest.json", (*stand.ASK, "--kb", "indexes/kb")),
    "the manifest of an index, trained on": ("indexes/kb/manifest.json", (*stand.TRAIN, "--index.path", "indexes/kb")),
    "checksums of a run's index": ("runs/mine/index/checksums.json", stand.ASK),
    "the summary of a run": ("runs/mine/summary.json", stand.COMPARE),
    "checksums of a run": ("runs/mine/checksums.json", stand.COMPARE),
    "an export": ("exported/export.json", ("ask", "--run", "exported", "where ?")),
    "the manifest of a data set": ("converted/manifest.json", ("data", "squad", "--check", "converted")),
}
"""A file, and a command that reads it."""
PREVIOUS = ("indexes/kb", "exported", "converted")


def write(name: str, text: str) -> Put:
    """Put a file over another one."""

    def put(folder: Path) -> None:
        assert (folder / name).is_file(), name
        (folder / name).write_text(text)

    return put


def altered(name: str, **fields: object) -> Put:
    """Change fields of a JSON file."""

    def put(folder: Path) -> None:
        held = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(held | fields))

    return put


def cases() -> Iterator[Case]:
    """Each shape over each file."""
    for what, (file, argv) in SEALED.items():
        for shape, text in SHAPES.items():
            yield Case("pointers and manifests", f"{what}, {shape}", argv, (str(Path(file).parent),), write(file, text))
    for field, values in {
        "folder": ("../..", "/etc", "", ".", "a\0b", "x" * 5000, "best\x1b[2J", 5),
        "sha256": (5, "x", "", "\x1b[2J"),
        "step": ("x", -1, 1e300),
    }.items():
        for value in values:
            if (field, value) == ("sha256", "") or field == "step":
                continue  # a pointer of an earlier version holds none; the step is told, and nothing more
            put = altered("runs/mine/checkpoints/best.json", **{field: value})
            name = f"best.json, {field} {str(value)[:10]!r}"
            yield Case("pointers and manifests", name, stand.ASK, ("best.json", "runs/mine"), put)
