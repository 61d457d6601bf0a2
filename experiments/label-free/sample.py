"""Copies a set of data: pairs with answer and gold passage, and as many test pairs as asked for."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

TRAIN = 2000
"""Training pairs copied; more than the runs see."""


def main() -> None:
    """Write passages.jsonl, train.jsonl and test.jsonl."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--test", type=int, required=True, help="test pairs, evenly spaced over the file")
    parser.add_argument("--passages", type=int, default=0, help="only the first so many passages; 0: all")
    values = parser.parse_args()
    values.target.mkdir(parents=True, exist_ok=True)
    passages = read(values.source / "passages.jsonl")[: values.passages or None]
    ids = {str(passage["id"]) for passage in passages}
    write(values.target / "passages.jsonl", passages)
    for name, most in (("train", TRAIN), ("test", values.test)):
        rows = [row for row in read(values.source / f"{name}.jsonl") if usable(row, ids)]
        write(values.target / f"{name}.jsonl", spaced(rows, most))


def usable(row: dict[str, Any], ids: set[str]) -> bool:
    """Whether a pair has an answer with text, and gold passages that are all there."""
    return all(text.strip() for text in row["outputs"]) and bool(row["gold"]) and ids.issuperset(map(str, row["gold"]))


def spaced(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """At most so many rows, evenly spaced."""
    return rows if len(rows) <= most else [rows[i * len(rows) // most] for i in range(most)]


def read(path: Path) -> list[dict[str, Any]]:
    """One object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """One object a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
