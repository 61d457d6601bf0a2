"""``jsarag ask``: answers with the passages used and their probabilities."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from jsarag.cli.loading import add_run_options, as_options, load
from jsarag.decoding import Stream
from jsarag.parsing import Parser
from jsarag.types import Answer, InputError

DESCRIPTION = """Answer questions with a trained run, and show the passages used.

Without a question, each line of standard input is one."""

EXAMPLE = """jsarag ask --run runs/mine "How do I get my deposit back?"
jsarag ask --run runs/mine --json < questions.txt"""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag ask", description=DESCRIPTION, example=EXAMPLE)
    parser.add_argument("question", nargs="?", default=None, help="The question; default: read from standard input.")
    add_run_options(parser)
    parser.add_argument("--json", action="store_true", help="Print one JSON object an answer.")
    parser.add_argument("--stream", action="store_true", help="Print the answer while it is generated.")
    values = parser.read(argv)
    if values.stream and values.json:
        raise InputError("--stream: expected without --json, which prints whole answers")
    loaded = load(values)
    if values.stream:
        with as_options():
            loaded.pipeline.decoding.check_stream()
    for question in [values.question] if values.question else _typed():
        if values.stream:
            _follow(loaded.stream(question))
        elif values.json:
            print(json.dumps(asdict(loaded.ask(question)), ensure_ascii=False))
        else:
            show(question, loaded.ask(question))
    return 0


def show(question: str, answer: Answer) -> None:
    """Print a question, its answer, and the passages with their probabilities."""
    console = Console(highlight=False)
    console.print(Panel(answer.text or "(no answer)", title=question, title_align="left"), markup=False)
    _show_passages(console, answer)


def _follow(stream: Stream) -> None:
    for piece in stream:
        print(piece, end="", flush=True)
    print("" if stream.answer.text else "(no answer)", end="\n\n")
    _show_passages(Console(highlight=False), stream.answer)


def _show_passages(console: Console, answer: Answer) -> None:
    table = Table("p(h|x)", "passage", "text", box=None)
    for h in answer.passages:
        table.add_row(f"{h.probability:.3f}", f"{h.passage.id}\n{h.passage.title}", h.passage.text)
    console.print(table, markup=False)


def _typed() -> Iterable[str]:
    prompt = sys.stdin.isatty()
    while True:
        if prompt:
            print("? ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()
