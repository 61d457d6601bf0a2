"""``jsarag data check``: all that is wrong with files of pairs and passages, and what training would make of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from jsarag import api
from jsarag.audit import Audit, FileAudit, Look
from jsarag.audit.audit import Group
from jsarag.data import Columns
from jsarag.files import write_json
from jsarag.parsing import Parser

DESCRIPTION = """Read files of pairs and passages as `jsarag train` would, and tell all that is wrong with them at once.

Files with questions and answers are told from files with passages by their fields. Shown are faults with their lines,
what was left out, duplicates, questions that two files share, answers that stand in no passage, lengths in tokens, and
the first pairs as the generator reads them. Nothing is written. The exit status is 0 where training takes the files,
and 1 where it would refuse one.

  jsarag data check kb.csv questions.csv
  jsarag data check chats.json --generator.max_new_tokens 64 --json check.json"""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag data check", description=DESCRIPTION, exit_on_error=False)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="Files of pairs or of passages.")
    parser.add_argument("--passages", type=Path, default=None, help="The knowledge base, where FILE... are pairs alone.")
    parser.add_argument("--texts-only", action="store_true", help="Load no model: no tokens are counted.")
    parser.add_argument("--json", type=Path, default=None, help="File to write all of it to, as JSON.")
    parser.add_class_arguments(Columns, "data.columns", as_group=False)
    parser.add_argument("--data.encoding", type=str, default="auto", help="Encoding of the files; auto: found out.")
    parser.add_class_arguments(Look, as_group=False)
    values = parser.read(argv)
    built = parser.instantiate(values)
    look = Look(built.encoder, built.generator, built.history)
    found = api.check_data(
        values.files,
        passages=values.passages,
        columns=built.data.columns,
        encoding=values.data.encoding,
        look=look,
        models=not values.texts_only,
    )
    if values.json is not None:
        write_json(values.json, dataclasses.asdict(found))
    show(found)
    return 1 if found.faults else 0


def show(found: Audit) -> None:
    """Print an audit."""
    console = Console(highlight=False, soft_wrap=True)
    for file in found.files:
        _show_file(console, file)
    for group in found.across:
        _say(console, f"  {_line(group)}")
    if found.lengths:
        table = Table("tokens", "median", "95 %", "longest", "limit", "over", box=None, pad_edge=False)
        for row in found.lengths:
            limit = "none" if row.limit is None else f"{row.limit:,}"
            share = f"{100 * row.over / row.counted:.0f} %"
            table.add_row(row.what, *(f"{n:,}" for n in (row.median, row.most, row.longest)), limit, share)
        console.print(table, markup=False)
        for row in found.lengths:
            if row.over:
                _say(console, f"{row.over:,} of {row.counted:,} {row.what} are longer than {row.option} {row.limit:,}")
    for pair in found.shown:
        _say(console, f"\n--- pair {pair.id} with passage {pair.passage}: {pair.prompt_tokens:,} + {pair.answer_tokens:,} tokens")
        _say(console, f"{pair.prompt}{pair.answer}")
        for note in pair.notes:
            _say(console, f"({note})")
    faults = found.faults
    _say(console, f"\n{faults:,} fault{'' if faults == 1 else 's'}" + (": training would refuse these files" if faults else ""))


def _show_file(console: Console, file: FileAudit) -> None:
    _say(console, file.said or f"{file.path}: not read")
    for group in file.problems:
        _say(console, f"  FAULT  {_line(group)}")
    for group in file.remarks:
        _say(console, f"  note   {_line(group)}")


def _line(group: Group) -> str:
    more = ", ..." if group.count > len(group.places) else ""
    return f"{group.count:,} x {group.kind}: {', '.join(group.places)}{more}"


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False)
