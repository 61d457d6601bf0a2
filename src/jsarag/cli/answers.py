"""Answers on the terminal and as JSON: the answer first, then the passages with their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from jsarag.decoding import Stream
from jsarag.display.visible import visible, visible_line
from jsarag.types import Answer, Example, Passage, Retrieved

EMPTY = "(no answer)"


def show(question: str, answer: Answer, *, full: bool = False) -> None:
    """Print a question, unless it is empty, its answer, and the passages: two lines each, or their whole texts."""
    console = Console(highlight=False)
    if question:
        console.print(visible(question), style="dim", markup=False)
    console.print(visible(answer.text) or EMPTY, style="bold", markup=False)
    console.print()
    show_passages(answer.passages, full=full)


def follow(stream: Stream) -> Answer:
    """Print an answer while it is generated."""
    for piece in stream:
        print(visible(piece), end="", flush=True)
    print("" if stream.answer.text else EMPTY, end="\n\n")
    return stream.answer


def show_passages(hs: Sequence[Retrieved], *, full: bool = False) -> None:
    """Print passages with p(h|x): two lines each, or their whole texts."""
    console = Console(highlight=False)
    console.print("p(h|x)  passage", style="dim")
    for h in hs:
        named = "  ".join(filter(None, (h.passage.id, h.passage.title, origin(h.passage))))
        console.print(f" {h.probability:.3f}  {visible_line(named)}", markup=False, no_wrap=True, overflow="ellipsis")
        told = visible(h.passage.text) if full else visible_line(" ".join(h.passage.text.split()))
        text = Text(told, overflow="ellipsis", no_wrap=not full)
        console.print(Padding(text, (0, 0, 0, 8)))
    console.print()


def origin(h: Passage) -> str:
    """Where a passage was taken from, as far as that is known: ``rules.pdf, page 3``."""
    page = f"page {h.page}" if h.page is not None else ""
    return ", ".join(filter(None, (h.source, page)))


def plain(question: Example, answer: Answer) -> dict[str, Any]:
    """Question and answer for programs."""
    history = {"history": [asdict(turn) for turn in question.history]} if question.history else {}
    passages = [
        {"passage": h.passage.record(), "score": h.score, "probability": h.probability} for h in answer.passages
    ]
    return {
        "id": question.id or None,
        "question": question.input,
        **history,
        "text": answer.text,
        "log_probability": answer.log_probability,
        "passages": passages,
        "declined": answer.declined,
    }
