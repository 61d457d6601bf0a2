"""Files of settings of the wrong shape: those that a user names, and the ``config.yaml`` of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.reliability.hostile import stand
from tests.reliability.hostile.case import Case, Put

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
"""Billion laughs: nine to the twelfth texts."""
MAPPED = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}\n" for n in range(1, 40))
MERGED = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
TEXTS = {
    "a list": "[1, 2]",
    "a list of settings": "- loop: {steps: 1}",
    "a number": "5",
    "a text": "loop",
    "true": "true",
    "two documents": "loop: {steps: 1}\n---\nloop: {steps: 2}",
    "a section that is a list": "loop: [1, 2]",
    "a section that is a number": "loop: 5",
    "a section that is a text": "generator: small",
    "a section there twice": "loop: {steps: 1}\nloop: {batch_size: 2}",
    "a key there twice": "loop: {steps: 1, steps: 2}",
    "an unknown section": "lop: {steps: 1}",
    "an unknown key": "loop: {stepz: 1}",
    "a key of another section": "optim: {steps: 1}",
    "a number as a key": "5: {steps: 1}",
    "null as a key": "~: {steps: 1}",
    "a list as a key": "? [a, b]\n: 1",
    "a mapping as a key": "? {a: b}\n: 1",
    "an anchor within itself": "loop: &a {steps: *a}",
    "a list within itself": "loop: {report_to: &a [*a]}",
    "a file within itself": "&a\nloop: *a",
    "billion laughs": BOMB,
    "billion laughs in mappings": MAPPED,
    "billion laughs merged": MERGED,
    "billion laughs in an option": BOMB + "data: {train: *a11}",
    "deep lists": "loop: " + "[" * 5000 + "]" * 5000,
    "deep mappings": "loop: " + "{a: " * 3000 + "1" + "}" * 3000,
    "an unknown tag": "loop: !!python/object/apply:os.system ['id']",
    "an own tag": "loop: !include other.yaml",
    "a tag that does not fit": "loop: {steps: !!int x}",
    "bytes": "data: {train: !!binary aGVsbG8=}",
    "a set": "loop: !!set {steps}",
    "an open bracket": "loop: [",
    "a tab": "loop:\n\tsteps: 1",
    "an unknown alias": "loop: *nothing",
    "an escape": "loop: {steps: \x1b[2J}",
    "a NUL": "loop: {steps: 1}\0",
    "markup": "'[/red]': 1",
    "an escape in a key": '"\\e[2J": 1',
    "a NUL in a path": 'out: "runs/a\\0b"',
    "half a character": 'out: "\\ud800"',
    "a line of a megabyte": "loop: {steps: " + "9" * 1_000_000 + "}",
    "a million keys": "".join(f"k{n}: 1\n" for n in range(20_000)),
    "a list for a number": "loop: {steps: [1]}",
    "a mapping for a number": "loop: {steps: {a: 1}}",
    "a text for a number": "loop: {steps: many}",
    "NaN for a number": "loop: {steps: .nan}",
    "infinity for a number": "loop: {steps: .inf}",
    "a fraction for a whole number": "loop: {steps: 1.5}",
    "a number beyond all": "loop: {steps: 1e400}",
    "null for a number": "loop: {batch_size: null}",
    "true for a number": "loop: {batch_size: true}",
    "a list for a path": "data: {train: [a, b]}",
    "a mapping for a path": "data: {train: {a: b}}",
    "null for a path": "data: {train: null}",
    "a number for a path": "data: {train: 5}",
    "a text for a list": "evaluation: {cutoffs: many}",
    "a mapping for a list": "evaluation: {cutoffs: {a: 1}}",
    "a list for a name": "objective: {name: [jsa]}",
    "a mapping for a name": "objective: {name: {a: b}}",
    "null for a name": "objective: {name: null}",
    "an unknown name": "objective: {name: jsaa}",
    "a list for an objective": "objective: [jsa]",
    "a number for an index": "index: 5",
    "a list for adapters": "generator: {lora: [4]}",
    "a text for adapters": "generator: {lora: small}",
    "a text for true": "generator: {checkpointing: maybe}",
    "a NaN rate": "optim: {lr_prior: .nan}",
    "a rate without end": "optim: {lr_generator: .inf}",
    "a negative rate": "optim: {lr_prior: -1}",
    "a NaN temperature": "evaluation: {decoding: {search: sample, temperature: .nan}}",
    "an option of the command line": "dry_run: true",
    "a file of settings in one": "config: other.yaml",
}
RAW = {
    "UTF-16": "loop: {steps: 1}".encode("utf-16"),
    "cp1252": "out: 'runs/caf\xe9'".encode("cp1252"),
    "a Parquet file": b"PAR1" + bytes(range(256)),
    "a gzip file": b"\x1f\x8b\x08\0" + bytes(50),
    "an executable": b"\x7fELF" + bytes(range(256)),
}
FILES = {name: text.encode("utf-8", "surrogatepass") for name, text in TEXTS.items()} | RAW
ROADS = {
    "ask": (*stand.ASK[:2], "runs/mine", *stand.ASK[3:]),
    "train --resume": stand.RESUME,
    "train --from": stand.AGAIN,
}
SHAPES = (
    "a list", "a text", "true", "a section that is a list", "a section that is a number", "a section there twice",
    "an unknown key", "a list as a key", "an anchor within itself", "a file within itself", "billion laughs",
    "billion laughs in mappings", "deep lists", "deep mappings", "an unknown tag", "an open bracket", "a NUL",
    "a list for a path", "a mapping for a number", "a list for a name", "UTF-16", "a gzip file",
)  # fmt: skip
"""What may stand where the file of a run was."""


def write(name: str, content: bytes) -> Put:
    """Put a file there."""

    def put(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return put


def cases() -> Iterator[Case]:
    """Each text as a file that is named, or over the settings of a run."""
    argv: tuple[str, ...]
    for name, content in FILES.items():
        argv = (*stand.TRAIN, "--config", "bad.yaml")
        # What is null is not there: the option is named.
        named = {"null for a path": ("--data.train",), "null for a name": ("--objective.name",)}.get(
            name, ("bad.yaml",)
        )
        yield Case("settings, --config", name, argv, named, write("bad.yaml", content))
    for road, argv in ROADS.items():
        run = "runs/stopped" if "--resume" in argv else "runs/mine"
        for name in SHAPES:
            put = write(f"{run}/config.yaml", FILES[name] + b"\n")
            yield Case("settings of a run", f"{road}, {name}", argv, (f"{run}/config.yaml",), put)
    for name in ("a list", "deep lists", "billion laughs"):
        for road, argv in {"evaluate": stand.EVALUATE, "export": stand.EXPORT,
                           "serve": stand.SERVE, "compare": stand.COMPARE}.items():  # fmt: skip
            put = write("runs/mine/config.yaml", FILES[name] + b"\n")
            yield Case("settings of a run", f"{road}, {name}", argv, ("runs/mine",), put)
