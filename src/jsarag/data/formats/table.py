"""What a reader makes of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from jsarag.files import Record


@dataclass(frozen=True)
class Table:
    """The records of a file.

    Attributes:
        records: Each with the line on which it begins, or the number of its row.
        found: What was found out about the file, such as its encoding.
        faults: Lines that are no records, each with what is wrong with it.
        cells: Whether values are the texts of cells, in which a list is written as text too.
    """

    records: list[Record]
    found: tuple[str, ...] = ()
    faults: tuple[tuple[int, str], ...] = ()
    cells: bool = False

    def places(self, path: str | Path) -> list[str]:
        """``path:line`` of each record; where several begin on one line, as in a list of one line, also its number."""
        lines = [line for line, _ in self.records]
        several = len(set(lines)) < len(lines)
        shared = {line for line, after in pairwise(lines) if line == after} if several else set()
        return [
            f"{path}:{line} (record {number})" if line in shared else f"{path}:{line}"
            for number, line in enumerate(lines, start=1)
        ]


def named(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows of values as records; nulls are absent."""
    return [{name: v for name, v in zip(names, row, strict=False) if v is not None} for row in rows]
