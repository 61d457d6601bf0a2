"""The record of a run: metrics.jsonl and TensorBoard, appended step by step."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from jsarag.files import read_jsonl, write_jsonl


class Record:
    """Appends rows to ``metrics.jsonl`` and scalars to TensorBoard."""

    def __init__(self, run: Path, *, from_step: int | None = None) -> None:
        """Open the record of ``run``; rows of what is done again are dropped.

        Args:
            run: The run folder.
            from_step: The step of the checkpoint that a resumed run goes on from; None where there is none, and all is
                done again.

        Raises:
            InputError: a line that is no JSON; an incomplete last line, which a kill or a full disk leaves, is dropped.
        """
        from torch.utils.tensorboard import SummaryWriter

        path, last = run / "metrics.jsonl", -1 if from_step is None else from_step
        if path.exists():
            _drop_incomplete_line(path)
            write_jsonl(path, [row for _, row in read_jsonl(path) if row["step"] <= last])
        self._file = path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(run / "tensorboard"), purge_step=last + 1)

    def add(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Append one row; numbers that are not finite become null."""
        row = {"kind": kind, "step": step, **_finite(values)}
        self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()
        for name, value in _flat(kind, values):
            self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Close both files."""
        self._file.close()
        self._board.close()


class Rows(Record):
    """Keeps the rows in memory alone."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        """Append to ``rows``."""
        self._rows = rows

    def add(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Append one row."""
        self._rows.append({"kind": kind, "step": step, **_finite(values)})

    def close(self) -> None:
        """Nothing."""


class Unrecorded(Record):
    """What the other processes of a run write: nothing."""

    def __init__(self) -> None:
        """Open nothing."""

    def add(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


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
