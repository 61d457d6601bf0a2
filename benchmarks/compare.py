"""Hold new figures of a benchmark against old ones, as ratios: python benchmarks/compare.py NEW.json OLD.json

Every time, memory and rate that both files have is compared. Exits with 1 where a time or memory grew by more than
the limit (default 1.15), so that it can guard a change. Seconds of different machines do not compare: the ratios
inside each file do, and they are compared as well.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsarag.files import read_json
from jsarag.types import InputError

COMPARED = ("median", "ratio", "memory")
"""The parts of a result that are figures of cost: lower is better."""


def figures(results: dict[str, Any]) -> dict[str, float]:
    """Figures of cost by a name that tells the setting."""
    found: dict[str, float] = {}
    for entry in results["settings"]:
        place = " ".join(f"{key}={entry[key]}" for key in entry if isinstance(entry[key], str | int))
        for part in COMPARED:
            for name, value in _flat(entry.get(part, {}), part):
                found[f"{place} {name}"] = value
    return found


def _flat(tree: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _flat(value, f"{name} {key}")
    elif isinstance(tree, int | float):
        yield name, float(tree)


def main() -> int:
    """Print the table; 1 where something grew beyond the limit, 2 for files that do not compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("new", type=Path, metavar="NEW.json")
    parser.add_argument("old", type=Path, metavar="OLD.json")
    parser.add_argument("--limit", type=float, default=1.15, help="growth that counts as worse (default 1.15)")
    options = parser.parse_args()
    try:
        new, old = read_json(options.new), read_json(options.old)
        if not all(isinstance(results, dict) and "settings" in results for results in (new, old)):
            raise InputError(f"{options.new}, {options.old}: expected results of a benchmark here")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    ours, theirs = figures(new), figures(old)
    shared = [name for name in ours if theirs.get(name)]
    if not shared:
        print(f"error: {options.new} and {options.old} have no setting in common", file=sys.stderr)
        return 2
    same = new.get("machine") == old.get("machine")
    if not same:
        print(f"Different machines, only ratios are judged: {new.get('machine')} and {old.get('machine')}\n")
    worse = 0
    for name in shared:
        change = ours[name] / theirs[name]
        judged = same or " ratio " in name
        bad = judged and change > options.limit
        worse += bad
        print(f"{change:6.2f}  {'worse' if bad else '':5}  {name}: {ours[name]:.4g}, was {theirs[name]:.4g}")
    print(f"\n{worse} of {len(shared)} figures grew by more than {options.limit}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
