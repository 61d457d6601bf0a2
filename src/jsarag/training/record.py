"""The record of a run: metrics.jsonl and the trackers, appended step by step."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jsarag import layout
from jsarag.files import read_jsonl, write_jsonl
from jsarag.training.kept import exists
from jsarag.training.trackers import started
from jsarag.types import InputError
from jsarag.whole import sync

FILE = layout.METRICS


class Record:
    """Appends rows to ``metrics.jsonl`` and scalars to the trackers."""

    def __init__(self, run: Path, *, from_step: int | None = None, trackers: Sequence[str] = ("tensorboard",)) -> None:
        """Open the record of ``run``; rows of what is done again are dropped.

        Args:
            run: The run folder.
            from_step: The step of the checkpoint that a resumed run goes on from; None where there is none, and all is
                done again.
            trackers: Names in `jsarag.training.trackers.TRACKERS`.

        Raises:
            InputError: a line that is no JSON; an incomplete last line, which a kill or a full disk leaves, is dropped.
        """
        path, last = run / FILE, -1 if from_step is None else from_step
        if path.exists():
            _drop_incomplete_line(path)
            write_jsonl(path, [row for _, row in read_jsonl(path) if row["step"] <= last])
        self._sum, self._bytes = hashlib.sha256(), 0
        if path.exists():
            self._count(path.read_bytes())
        self._file = path.open("a", encoding="utf-8", newline="\n")
        sync(run)
        self._trackers = started(trackers, run, last + 1)

    def add(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Append one row; numbers that are not finite become null."""
        row = {"kind": kind, "step": step, **_finite(values)}
        line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
        self._file.write(line)
        self._file.flush()
        self._count(line.encode())
        scalars = dict(_flat(kind, values))
        for tracker in self._trackers:
            tracker.log(scalars, step=step)

    def so_far(self) -> dict[str, Any]:
        """Length and SHA-256 of the rows so far, for a checkpoint that counts on them; `check` compares them."""
        return {"bytes": self._bytes, "sha256": self._sum.hexdigest()}

    def sync(self) -> None:
        """Wait until the rows are on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file and the trackers."""
        self._file.close()
        for tracker in self._trackers:
            tracker.finish()

    def _count(self, raw: bytes) -> None:
        self._sum.update(raw)
        self._bytes += len(raw)


class Unrecorded(Record):
    """What the other processes of a run write: nothing."""

    def __init__(self) -> None:
        """Open nothing."""

    def add(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Nothing."""

    def so_far(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def sync(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Rows(Unrecorded):
    """Keeps the rows in memory alone."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def add(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Append one row."""
        self._rows.append({"kind": kind, "step": step, **_finite(values)})


def check(run: Path, counted: Mapping[str, Any]) -> bool:
    """Compare the record with what a checkpoint counts on (`Record.so_far`); whether it is there at all.

    Raises:
        InputError: rows of the time before the checkpoint are damaged.
    """
    path = run / FILE
    if not counted:  # a checkpoint of an earlier version
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        made = hashlib.sha256(file.read(counted["bytes"])).hexdigest()
    if made != counted["sha256"]:
        raise InputError(
            f"{path}: damaged or exchanged; put it back from a copy, or remove it to begin the record anew"
        )
    return True


def check_begun(run: Path) -> None:
    """Refuse a run without checkpoint ``last`` whose record goes beyond the first one: it would start from step 0."""
    path = run / FILE
    if exists(run, "last") or not path.is_file():
        return
    _drop_incomplete_line(path)
    measured = {row["step"] for _, row in read_jsonl(path) if row["kind"] == "dev" and row["step"]}
    if len(measured) > 1:  # dev is measured a second time when the first checkpoint has been saved
        raise InputError(
            f"{run}: holds no checkpoint 'last', but {FILE} tells of step {max(measured)}; put checkpoints back from a "
            f"copy, or remove {FILE} to start again from step 0"
        )


def _drop_incomplete_line(path: Path) -> None:
    """Cut a file of lines after its last end of line."""
    with path.open("r+b") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _flat(prefix: str, values: dict[str, Any]) -> list[tuple[str, float]]:
    pairs: list[tuple[str, float]] = []
    for key, value in values.items():
        name = f"{prefix}/{key}"
        if isinstance(value, dict):
            pairs += _flat(name, value)
        elif isinstance(value, int | float):
            pairs.append((name, float(value)))
    return pairs
