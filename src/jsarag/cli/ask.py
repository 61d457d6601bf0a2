"""``jsarag ask``: answers with the passages used and their probabilities."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import TextIO

from jsarag import api
from jsarag.cli.answers import follow, plain, show, show_passages
from jsarag.cli.dialog import converse
from jsarag.cli.loading import add_run_options, as_options, load
from jsarag.data import as_question
from jsarag.display.terminal import Terminal
from jsarag.display.visible import json_line
from jsarag.files import JSON
from jsarag.parsing import Parser
from jsarag.types import Answer, Example, InputError

DESCRIPTION = """Answer questions with a trained run, and show the passages used.

Without a question, a dialog begins on a terminal: each question is asked with the turns before it. Where standard
input is no terminal, or with --questions, each line is a question: text, or a JSON object {"question", "id",
"history"}, where "input" stands for "question" as in files of pairs."""

EXAMPLE = """jsarag ask --run runs/mine "How do I get my deposit back?"
jsarag ask --run runs/mine
jsarag ask --run runs/mine --questions questions.txt --json > answers.jsonl"""

TOGETHER = 32
"""Questions of a file that are answered together."""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag ask", description=DESCRIPTION, example=EXAMPLE)
    parser.add_argument("question", nargs="?", default=None, help="The question.")
    add_run_options(parser)
    parser.add_argument("--questions", type=Path, help="File with a question a line; default: standard input.")
    parser.add_argument("--full", action="store_true", help="Print the whole text of each passage, not one line.")
    parser.add_argument("--json", action="store_true", help="Print one JSON object an answer.")
    parser.add_argument(
        "--always", action="store_true", help="Answer also where the passages found are too little evidence."
    )
    parser.add_argument("--stream", action="store_true", help="Print the answer while it is generated.")
    values = parser.read(argv)
    for option in ("stream", "full"):
        if values[option] and values.json:
            raise InputError(f"--{option}: expected without --json, which prints whole answers and passages")
    asked = None if values.question is None else as_question(values.question, "question")
    if values.question and Path(values.question).is_file():
        raise InputError(f"question: {values.question} is a file; read it with --questions {values.question}")
    if asked and values.questions:
        raise InputError("--questions: expected without a question beside it")
    talks = not (asked or values.questions or values.json) and sys.stdin.isatty() and sys.stdout.isatty()
    with nullcontext(sys.stdin) if values.questions is None else _opened(values.questions) as lines:
        loaded = load(values, always=values.always)
        if values.stream:
            with as_options():
                loaded.pipeline.decoding.check_stream()
        if talks:
            converse(loaded, full=values.full)
            return 0
        for some in [[asked]] if asked else _read(lines, values.questions, 1 if values.stream else TOGETHER):
            if values.stream:
                show_passages(follow(loaded.stream(some[0])).passages, full=values.full)
                continue
            for question, answer in zip(some, _answers(loaded, some), strict=True):
                if values.json:
                    print(json_line(plain(question, answer)), flush=True)
                else:
                    show("" if asked else question.input, answer, full=values.full)
    return 0


def _answers(loaded: api.Run, questions: Sequence[Example]) -> list[Answer]:
    try:
        return loaded.ask(questions)
    except InputError as error:  # the place in the list is nothing to whoever typed one question
        raise InputError(str(error).removeprefix("questions[0]: ")) from None


def _opened(file: Path) -> TextIO:
    if not file.is_file():
        raise InputError(f"--questions: expected a file, got {file}")
    return file.open(encoding="utf-8-sig")


def _read(lines: TextIO, file: Path | None, together: int) -> Iterator[list[Example]]:
    """The questions, of a file in parts, any others as soon as they come."""
    where = "standard input" if file is None else str(file)
    questions, none = _typed(lines, where), True
    size = together if _is_file(lines) else 1
    while some := list(islice(questions, size)):
        yield some
        none = False
    if none:
        Terminal().say(f"{where}: holds no question")


def _is_file(lines: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(lines.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _typed(lines: TextIO, file: str) -> Iterator[Example]:
    number = 0
    while line := _line(lines, file):
        number += 1
        if not line.strip():
            continue
        where = f"{file}:{number}"
        if not line.lstrip().startswith("{"):
            yield as_question(line.strip(), where)
            continue
        try:
            found = JSON.decode(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: not valid JSON ({error.msg})") from None
        yield as_question(found, where)


def _line(lines: TextIO, file: str) -> str:
    try:
        return lines.readline()
    except UnicodeDecodeError:
        raise InputError(f"{file}: expected UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None
