"""OR-QuAC (Qu et al. 2020): questions of a conversation, answered from Wikipedia."""

from __future__ import annotations

from collections.abc import Iterator

from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import Node
from jsarag.data.sources.source import NO_ANSWER, Options, Source
from jsarag.types import Example, Passage, Turn, judged

UNANSWERED = (NO_ANSWER, "NOTRECOVERED")


def _passages(files: Files, options: Options) -> Iterator[Passage]:
    for node in files.records("all_blocks.txt"):
        yield Passage(node.id("id"), node.text("title"), node.text("text"))


def _examples(files: Files, split: str, options: Options) -> Iterator[Example]:
    gold = _gold(files)
    for node in files.records(f"{split}.txt"):
        answer = node.child("answer").text("text")
        if answer in UNANSWERED:
            if options.unanswerable == "leave":
                continue
            answer = NO_ANSWER
        name = node.id("qid")
        turns = tuple(turn for past in node.children("history") for turn in _turns(past))
        names, grades = judged(gold.get(name, {}))
        yield Example(name, node.text("question"), (answer,) if answer else (), names, turns, grades)


def _turns(past: Node) -> tuple[Turn, Turn]:
    return Turn("user", past.text("question")), Turn("system", past.child("answer").text("text"))


def _gold(files: Files) -> dict[str, dict[str, int]]:
    """Question id to passage id to relevance."""
    gold: dict[str, dict[str, int]] = {}
    for member, node in files.members("qrels.txt"):
        gold.setdefault(member.key, {})[member.name] = node.as_whole()
    return gold


_URL = "https://ciir.cs.umass.edu/downloads/ORConvQA"

ORQUAC = Source(
    name="orquac",
    title="OR-QuAC (Qu et al. 2020), from QuAC and CANARD",
    task="knowledge-grounded dialog",
    size="31,526 / 3,430 / 5,571 questions, some 11 million Wikipedia passages",
    licence="CC BY-SA 4.0",
    recipe="orquac",
    files=(
        File("all_blocks.txt", f"{_URL}/all_blocks.txt.gz"),
        File("qrels.txt", f"{_URL}/qrels.txt.gz"),
        *(
            File(
                f"{s}.txt",
                f"{_URL}/preprocessed/{s}.txt",
                (s,),
                others=(f"preprocessed/{s}.txt",),
                lines={f"{s}.txt": lines},
            )
            for s, lines in (("train", 31_526), ("dev", 3_430), ("test", 5_571))
        ),
    ),
    splits=("train", "dev", "test"),
    passages=_passages,
    examples=_examples,
    passage_files=("all_blocks.txt",),
    takes=frozenset({"unanswerable"}),
    notes=("one answer a question; QuAC's further reference answers are not in these files",),
)
