"""``jsarag check``: whether the files of runs, indexes and data sets are still what was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from jsarag import api
from jsarag.checks import require
from jsarag.display.visible import json_line, visible_line
from jsarag.integrity import Finding, Inspection
from jsarag.parsing import Parser

DESCRIPTION = """Compare every file of runs, indexes and converted data sets with its SHA-256.

Nothing is written. The exit status is 0 where all is whole and 1 where a file is damaged, exchanged or missing. A file
of an earlier version, which wrote no checksums, is told as unknown."""

EXAMPLE = """jsarag check runs/mine"""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag check", description=DESCRIPTION, example=EXAMPLE)
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="Folders: run, index or data set.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object a folder.")
    values = parser.read(argv)
    require(bool(values.paths), "PATH", "folders of runs, indexes or data sets, such as runs/mine", None)
    whole = True
    for path in values.paths:
        found = api.check(path)
        whole &= found.whole
        if values.json:
            print(json_line(_plain(found)))
        else:
            show(found)
    return 0 if whole else 1


def show(found: Inspection) -> None:
    """Print the files of a folder, damaged ones first, and how many there are of each kind."""
    table = Table("file", "MB", "state", "", box=None)
    for finding in sorted(found.findings, key=lambda finding: finding.state == "whole"):
        size = _size(finding)
        table.add_row(
            visible_line(str(finding.path.relative_to(found.folder))),
            "" if size is None else f"{size / 1e6:,.1f}",
            finding.state,
            finding.what,
        )
    console = Console(highlight=False, soft_wrap=True)
    console.print(table, markup=False)
    states = [finding.state for finding in found.findings]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))

    state = "whole" if found.whole else "DAMAGED"
    console.print(f"{visible_line(str(found.folder))}: {found.kind}, {state} ({counts})", markup=False)


def _plain(found: Inspection) -> dict[str, object]:
    files = [
        {
            "file": finding.path.relative_to(found.folder).as_posix(),
            "bytes": _size(finding),
            "state": finding.state,
            "what": finding.what,
        }
        for finding in found.findings
    ]
    return {"path": str(found.folder), "kind": found.kind, "whole": found.whole, "files": files}


def _size(finding: Finding) -> int | None:
    return finding.path.stat().st_size if finding.path.is_file() else None
