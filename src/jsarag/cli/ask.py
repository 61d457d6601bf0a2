"""``jsarag ask``: answers with the passages used and their probabilities."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from jsarag import api
from jsarag.cli.loading import add_run_options, as_options, load
from jsarag.data import as_question
from jsarag.decoding import Stream
from jsarag.parsing import Parser
from jsarag.types import Answer, Example, InputError

DESCRIPTION = """Answer questions with a trained run, and show the passages used.

Without a question, each line of standard input is one: text, or a JSON object {"question", "id", "history"}, where
"input" stands for "question" as in files of pairs."""

EXAMPLE = """jsarag ask --run runs/mine "How do I get my deposit back?"
jsarag ask --run runs/mine --json < questions.txt"""

TOGETHER = 32
"""Questions of a file that are answered together."""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag ask", description=DESCRIPTION, example=EXAMPLE)
    parser.add_argument("question", nargs="?", default=None, help="The question; default: read from standard input.")
    add_run_options(parser)
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
        raise InputError(f"question: {values.question} is a file; read questions from it with < {values.question}")
    loaded = load(values, always=values.always)
    if values.stream:
        with as_options():
            loaded.pipeline.decoding.check_stream()
    for some in [[asked]] if asked else _read(1 if values.stream else TOGETHER):
        if values.stream:
            _follow(loaded.stream(some[0]), values.full)
            continue
        for question, answer in zip(some, _answers(loaded, some), strict=True):
            if values.json:
                print(json.dumps(_plain(question, answer), ensure_ascii=False), flush=True)
            else:
                show("" if asked else question.input, answer, full=values.full)
    return 0


def show(question: str, answer: Answer, *, full: bool = False) -> None:
    """Print a question, unless it is empty, its answer, and the passages: two lines each, or their whole texts."""
    console = Console(highlight=False)
    if question:
        console.print(question, style="dim", markup=False)
    console.print(answer.text or "(no answer)", style="bold", markup=False)
    console.print()
    _show_passages(console, answer, full)


def _answers(loaded: api.Run, questions: Sequence[Example]) -> list[Answer]:
    try:
        return loaded.ask(questions)
    except InputError as error:  # the place in the list is nothing to whoever typed one question
        raise InputError(str(error).removeprefix("questions[0]: ")) from None


def _follow(stream: Stream, full: bool) -> None:
    for piece in stream:
        print(piece, end="", flush=True)
    print("" if stream.answer.text else "(no answer)", end="\n\n")
    _show_passages(Console(highlight=False), stream.answer, full)


def _show_passages(console: Console, answer: Answer, full: bool) -> None:
    console.print("p(h|x)  passage", style="dim")
    for h in answer.passages:
        title = f"  {h.passage.title}" if h.passage.title else ""
        console.print(f" {h.probability:.3f}  {h.passage.id}{title}", markup=False, no_wrap=True, overflow="ellipsis")
        text = Text(h.passage.text if full else " ".join(h.passage.text.split()), overflow="ellipsis", no_wrap=not full)
        console.print(Padding(text, (0, 0, 0, 8)))
    console.print()


def _plain(question: Example, answer: Answer) -> dict[str, Any]:
    history = {"history": [asdict(turn) for turn in question.history]} if question.history else {}
    return {"id": question.id or None, "question": question.input, **history, **asdict(answer)}


def _read(together: int) -> Iterator[list[Example]]:
    """The questions on standard input; those of a file in parts, any others as soon as they come."""
    questions = _typed()
    size = together if _is_file() else 1
    while some := list(islice(questions, size)):
        yield some


def _is_file() -> bool:
    try:
        return stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _typed() -> Iterator[Example]:
    prompt = sys.stdin.isatty()
    number = 0
    while True:
        if prompt:
            print("? ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        number += 1
        if not line.strip():
            continue
        where = f"standard input:{number}"
        if not line.lstrip().startswith("{"):
            yield as_question(line.strip(), where)
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise InputError(f"{where}: not valid JSON ({error})") from None
        yield as_question(found, where)
