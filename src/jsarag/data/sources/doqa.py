"""DoQA 2.1 (Campos et al. 2020): dialogs about posts of three Stack Exchange forums."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import Node
from jsarag.data.sources.source import NO_ANSWER, Options, Source
from jsarag.types import Example, Passage, Turn


def _dialogs(forum: str, files: Files) -> Iterator[tuple[str, Passage, list[Node]]]:
    """Split, post and turns of every dialog; posts with the same text are one passage."""
    prefix = "doqa" if forum == "cooking" else f"doqa-{forum}"
    numbers: dict[str, int] = {}
    for split in _splits(forum):
        for topic in files.listed(_name(forum, split), "data"):
            for post in topic.children("paragraphs"):
                # A post ends in CANNOTANSWER, the span that answers what it does not.
                text = post.text("context").removesuffix(NO_ANSWER).strip()
                number = numbers.setdefault(text, len(numbers))
                yield split, Passage(f"{prefix}/{number}", "", text), post.children("qas")


def _passages(forum: str, files: Files, options: Options) -> Iterator[Passage]:
    seen: set[str] = set()
    for _, passage, _ in _dialogs(forum, files):
        if passage.id not in seen:
            seen.add(passage.id)
            yield passage


def _examples(forum: str, files: Files, wanted: str, options: Options) -> Iterator[Example]:
    number = 0
    for split, passage, turns in _dialogs(forum, files):
        if split != wanted:
            continue
        history: tuple[Turn, ...] = ()
        for turn in turns:
            question, answers = turn.text("question"), [answer.text("text") for answer in turn.children("answers")]
            outputs = tuple(dict.fromkeys(answer for answer in answers if answer and answer != NO_ANSWER))
            name = f"{passage.id.partition('/')[0]}/{split}/{number}"
            number += 1
            if outputs:
                yield Example(name, question, outputs, (passage.id,), history)
            elif options.unanswerable != "leave":
                yield Example(name, question, (NO_ANSWER,), (), history)
            said = answers[0] if answers else NO_ANSWER
            history = (*history, Turn("user", question), Turn("system", said))


def _splits(forum: str) -> tuple[str, ...]:
    return ("train", "dev", "test") if forum == "cooking" else ("test",)


def _name(forum: str, split: str) -> str:
    return f"doqa-{forum}-{split}-v2.1.json"


def _source(forum: str, size: str) -> Source:
    # Every file is needed whatever the split: the knowledge base is the posts of all of them.
    files = tuple(
        File(
            _name(forum, split),
            "https://ixa2.si.ehu.es/convai/doqa-v2.1.zip",
            others=(f"doqa_dataset/{_name(forum, split)}", f"doqa-v2.1/doqa_dataset/{_name(forum, split)}"),
        )
        for split in _splits(forum)
    )
    return Source(
        name="doqa" if forum == "cooking" else f"doqa-{forum}",
        title=f"DoQA 2.1 (Campos et al. 2020), {forum}",
        task="knowledge-grounded dialog",
        size=size,
        licence="CC BY-SA 4.0",
        recipe="doqa",
        files=files,
        splits=_splits(forum),
        passages=partial(_passages, forum),
        examples=partial(_examples, forum),
        passage_files=tuple(file.name for file in files),
        takes=frozenset({"unanswerable"}),
        notes=("posts without their titles, which are often the first question",),
    )


COOKING = _source("cooking", "4,612 / 911 / 1,797 questions, 2,054 of them without an answer; 1,108 posts")
MOVIES = _source("movies", "1,884 test questions")
TRAVEL = _source("travel", "test questions only")
