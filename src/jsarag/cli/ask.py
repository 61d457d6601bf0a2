"""``jsarag ask``: answers with the passages used and their probabilities."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from jsarag.cli.loading import add_run_options, load
from jsarag.parsing import Parser
from jsarag.types import Answer

DESCRIPTION = """Answer questions with a trained run. Without a question, each line of standard input is one."""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser(prog="jsarag ask", description=DESCRIPTION, exit_on_error=False)
    parser.add_argument("question", nargs="?", default=None, help="The question; default: read from standard input.")
    add_run_options(parser)
    parser.add_argument("--json", action="store_true", help="Print one JSON object an answer.")
    values = parser.read(argv)
    loaded = load(values)
    for question in [values.question] if values.question else _typed():
        answer = loaded.ask(question)
        if values.json:
            print(json.dumps(asdict(answer), ensure_ascii=False))
        else:
            show(question, answer)
    return 0


def show(question: str, answer: Answer) -> None:
    """Print a question, its answer, and the passages with their probabilities."""
    console = Console(highlight=False)
    console.print(Panel(answer.text or "(no answer)", title=question, title_align="left"), markup=False)
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
