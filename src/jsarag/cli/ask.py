"""``jsarag ask``: answers with the passages used and their probabilities."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from jsarag.decoding import DECODERS
from jsarag.parsing import Parser
from jsarag.types import Answer

WEIGHTS = ("best", "last", "untrained")
DESCRIPTION = """Answer questions with a trained run. Without a question, each line of standard input is one."""


def run(argv: Sequence[str]) -> int:
    """Run the command."""
    from jsarag.cli.evaluate import load

    parser = Parser(prog="jsarag ask", description=DESCRIPTION, exit_on_error=False)
    parser.add_argument("question", nargs="?", default=None, help="The question; default: read from standard input.")
    parser.add_argument("--run", type=Path, required=True, help="Run folder made by `jsarag train`.")
    parser.add_argument("--weights", choices=WEIGHTS, default="best", help="Which weights of the run.")
    parser.add_argument("--mode", choices=list(DECODERS), default=None, help="Decoding; default: as in the run.")
    parser.add_argument(
        "--passages", type=int, default=None, help="Passages given to the decoder; default: as in the run."
    )
    parser.add_argument("--json", action="store_true", help="Print one JSON object an answer.")
    values = parser.read(argv)
    loaded = load(values.run, values.weights, values.mode, values.passages)
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
