"""``jsarag data check``: all that is wrong with files of pairs and passages, and what training would make of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from jsarag.audit import Audit, Group, Lengths, Look, audit
from jsarag.checks import require
from jsarag.data import Columns
from jsarag.display.terminal import Terminal
from jsarag.display.visible import visible
from jsarag.files import write_json
from jsarag.parsing import Parser
from jsarag.places import check_outputs

DESCRIPTION = """Read files of pairs and passages as `jsarag train` would, and tell all that is wrong with them at once.

Files with questions and answers are told from files with passages by their fields. Shown are faults with their lines,
what was left out, duplicates, questions that two files share, answers that stand in no passage, lengths in tokens, and
the first pairs as the generator reads them. Nothing is written. The exit status is 0 where training takes the files,
and 1 where it would refuse one."""

EXAMPLE = """jsarag data check kb.csv questions.csv
jsarag data check chats.json --generator.max-new-tokens 64 --json check.json"""

USUAL = {
    "files": {
        "files": "files of pairs or of passages",
        "passages": "the knowledge base, where its file holds pairs too",
        "data.columns.input": "column of the question, where its name is not recognised",
        "data.columns.outputs": "column of the answer; --help-all lists the other columns",
        "data.encoding": "encoding of text that is not Unicode; auto: found out",
    },
    "models": {
        "encoder.model": "a folder or a hub id",
        "generator.model": "a folder, a .gguf file or a hub id",
        "generator.max_new_tokens": "the longest answer that the generator writes",
    },
    "output": {
        "texts_only": "load no model, count no tokens",
        "json": "file to write all of it to",
    },
    "help": {"help_all": "every option"},
}


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag data check", description=DESCRIPTION, example=EXAMPLE, usual=USUAL)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="Files of pairs or of passages.")
    parser.add_argument(
        "--passages", type=Path, default=None, help="The knowledge base, where its file holds pairs too."
    )
    parser.add_argument("--texts-only", action="store_true", help="Load no model: no tokens are counted.")
    parser.add_argument("--json", type=Path, default=None, help="File to write all of it to, as JSON.")
    parser.add_class_arguments(Columns, "data.columns", as_group=False)
    parser.add_argument("--data.encoding", type=str, default="auto", help="Encoding of the files; auto: found out.")
    parser.add_class_arguments(Look, as_group=False)
    values = parser.read(argv)
    require(bool(values.files), "FILE", "files of pairs or of passages, such as kb.csv questions.csv", None)
    check_outputs({"--json": values.json}, [*values.files, *filter(None, [values.passages])])
    built = parser.built(values)
    look = Look(built.encoder, built.generator, built.history)
    found = audit(
        values.files,
        passages=values.passages,
        columns=built.data.columns,
        encoding=values.data.encoding,
        look=look,
        models=not values.texts_only,
        display=Terminal(),
    )
    if values.json is not None:
        write_json(values.json, dataclasses.asdict(found))
    show(found)
    return 1 if found.faults else 0


def show(found: Audit) -> None:
    """Print an audit."""
    console = Console(highlight=False, soft_wrap=True)

    def say(text: str) -> None:
        console.print(visible(text), markup=False)

    for file in found.files:
        say(file.said)
        for label, groups in (("fault", file.problems), ("note", file.remarks)):
            for group in groups:
                say(f"  {label:<6} {group.count:>6,} x {group.kind}{_where(group)}")
    for group in found.across:
        say(f"{group.count:,} x {group.kind}{_where(group)}")
    for row in found.lengths:
        say(_length(row))
    for pair in found.shown:
        tokens = f"{pair.prompt_tokens:,} + {pair.answer_tokens:,} tokens"
        say(f"\n--- pair {pair.id}, with passage {pair.passage or 'none'}: {tokens} ---\n{pair.prompt}{pair.answer}")
        for note in pair.notes:
            say(f"--- {note}")
    refused = f"{found.faults:,} fault{'' if found.faults == 1 else 's'}: training refuses these files"
    say(f"\n{refused if found.faults else 'no fault: training takes these files'}")


def _where(group: Group) -> str:
    """The lines of a group; a message that names its file needs none."""
    if not group.places:
        return ""
    return f": line {', '.join(group.places)}{', ...' if group.count > len(group.places) else ''}"


def _length(row: Lengths) -> str:
    over = f"{100 * row.over / row.counted:.0f} % are longer than {row.option} ({row.limit:,})" if row.over else ""
    limit = "no limit" if row.limit is None else f"none is longer than {row.option} ({row.limit:,})"
    counts = f"median {row.median:,}, 95 of 100 up to {row.most:,}, longest {row.longest:,} tokens"
    return f"{row.what}: {counts}; {over or limit}"
