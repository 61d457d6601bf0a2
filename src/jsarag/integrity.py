"""Whether the files of a run, an index or a converted data set are what was written; reads alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jsarag import checksums, layout
from jsarag.checksums import FILE, MANIFEST, Fault
from jsarag.files import read_json
from jsarag.layout import VECTORS
from jsarag.parsing import load_run
from jsarag.run import sealed, stages
from jsarag.training import checkpoint, record
from jsarag.training.kept import entries
from jsarag.types import InputError

State = Literal["whole", "damaged", "unknown"]


@dataclass(frozen=True)
class Finding:
    """A file that was looked at.

    Attributes:
        path: The file.
        state: whole; damaged, which includes missing and exchanged; or unknown: nothing says what the file was.
        what: What is wrong, or why nothing is known; empty where it is whole.
    """

    path: Path
    state: State
    what: str = ""


@dataclass(frozen=True)
class Inspection:
    """All that was found in a folder.

    Attributes:
        folder: The folder.
        kind: What it is: run, export, index or data.
        findings: Its files.
    """

    folder: Path
    kind: str
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged."""
        return all(finding.state != "damaged" for finding in self.findings)


def inspect(folder: Path) -> Inspection:
    """Compare all files of a folder with their checksums.

    Raises:
        InputError: neither a run nor an index nor a converted data set.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder, found {'a file' if folder.exists() else 'nothing'}")
    if (folder / checksums.CONFIG).is_file() or (folder / layout.CHECKPOINTS).is_dir():
        kind = "export" if (folder / layout.EXPORT).is_file() else "run"
        return Inspection(folder, kind, tuple(_run(folder)))
    if (folder / VECTORS).is_file() or (folder / FILE).is_file():
        return Inspection(folder, "index", tuple(_sealed(folder / FILE)))
    if (folder / MANIFEST).is_file():
        return Inspection(folder, "data", tuple(_converted(folder)))
    raise InputError(f"{folder}: expected a run, an index or a folder made by `jsarag data`")


def _run(run: Path) -> Iterator[Finding]:
    yield _config(run)
    seen: set[Path] = set()
    folders = [run / name for name in (layout.INDEX, layout.TRAINED_INDEX)] + sorted(
        (run / layout.REBUILT).glob("[0-9]*")
    )
    seals = [folder / FILE for folder in folders if folder.is_dir()]
    seals += sorted((run / layout.EVALUATION).glob(f"*.{FILE}"))
    if (run / FILE).is_file() or ((run / sealed.SUMMARY).is_file() and checksums.is_sealed(run)):
        seals.append(run / FILE)
    for seal in seals:
        found = [finding for finding in _sealed(seal) if finding.path not in seen or finding.state == "damaged"]
        seen |= {finding.path for finding in found}
        yield from found
    for name in (stages.START, "best", "last"):
        yield from _checkpoints(run, name)
    if not (run / FILE).is_file():
        yield from _counted_on(run)


def _config(run: Path) -> Finding:
    path = run / checksums.CONFIG
    try:
        load_run(run)
    except InputError as error:
        return Finding(path, "damaged", str(error).removeprefix(f"{path}: "))
    return Finding(path, "whole") if checksums.is_sealed(run) else _unknown(path)


def _checkpoints(run: Path, name: str) -> Iterator[Finding]:
    pointer = run / layout.CHECKPOINTS / f"{name}.json"
    try:
        kept = entries(run, name)
    except InputError as error:
        yield Finding(pointer, "damaged", str(error).removeprefix(f"{pointer}: "))
        return
    if kept:
        yield Finding(pointer, "whole") if kept[0].sum else _unknown(pointer)
    for one in kept:
        yield from _sealed(one.seal, expected=one.sum)


def _counted_on(run: Path) -> Iterator[Finding]:
    """What the checkpoint of a run that is not finished counts on: the record so far, and the best weights."""
    path, best = run / record.FILE, run / layout.CHECKPOINTS / "best.json"
    try:
        state = read_json(checkpoint.locate(run, "last")[0] / layout.STATE)["state"]
        if load_run(run).loop.keep == "best" and state["best"] is not None and not checkpoint.exists(run, "best"):
            yield Finding(best, "damaged", "missing")
        there = record.check(run, state.get("record", {}))
    except (InputError, KeyError) as error:
        if str(path) in str(error):  # other faults are told of the files that have them
            yield Finding(path, "damaged", str(error).removeprefix(f"{path}: "))
        return
    if not there:
        yield Finding(path, "damaged", "missing")
    else:
        yield Finding(path, "whole") if state.get("record") else _unknown(path)


def _sealed(seal: Path, *, expected: str = "") -> Iterator[Finding]:
    """The files that a seal names, and the seal."""
    if not (seal.is_file() or expected or _needs_seal(seal)):
        yield from (_unknown(path) for path in sorted(seal.parent.iterdir()) if path.is_file())
        return
    found = {fault.path: fault for fault in checksums.faults(seal, expected=expected)}
    if seal in found:
        yield _damaged(found[seal])
        return
    for name in checksums.read_seal(seal).files:
        path = seal.parent / name
        yield _damaged(found[path]) if path in found else Finding(path, "whole")
    yield Finding(seal, "whole")


def _needs_seal(seal: Path) -> bool:
    """Whether checksums that are missing have been there."""
    manifest = seal.parent / MANIFEST
    if not manifest.is_file():
        return checksums.is_sealed(seal.parent)
    try:
        return bool(read_json(manifest).get("format") != 2)
    except (InputError, AttributeError):
        return True


def _converted(folder: Path) -> Iterator[Finding]:
    try:
        files = checksums.converted(folder)
    except InputError as error:
        yield Finding(folder / MANIFEST, "damaged", str(error).removeprefix(f"{folder / MANIFEST}"))
        return
    if not files:
        raise InputError(f"{folder}: expected a run, an index or a folder made by `jsarag data`")
    for name, expected in files.items():
        fault = checksums.compared(folder / name, expected)
        yield _damaged(fault) if fault else Finding(folder / name, "whole")


def _damaged(fault: Fault) -> Finding:
    return Finding(fault.path, "damaged", fault.what)


def _unknown(path: Path) -> Finding:
    return Finding(path, "unknown", "written by an earlier version, or edited on purpose: no checksum")
