"""DSTC11 track 5 (Zhao et al. 2023) and DSTC9 track 1 (Kim et al. 2020): responses from reviews and FAQs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import Node
from jsarag.data.sources.source import Options, Source
from jsarag.types import Example, InputError, Passage, Turn

ROLES = {"U": "user", "S": "system"}
_WORD = re.compile(r"[^\W\d_]+('[^\W\d_]+)?")
FOLDERS = {"train": "train", "dev": "val", "test": "test"}


def _passages(files: Files, options: Options) -> Iterator[Passage]:
    for member, entity in files.members("knowledge.json"):
        begin = f"{member.key}/{member.name}"
        title = _titled(entity.text("name") if entity.has("name") else member.key)
        if entity.has("reviews"):
            for review, document in entity.child("reviews").fields():
                for number, sentence in document.child("sentences").fields():
                    yield Passage(f"{begin}/review/{review}/{number}", title, sentence.as_text())
        if entity.has("faqs"):
            for faq, document in entity.child("faqs").fields():
                text = f"{document.text('question')} {document.text('answer')}"
                yield Passage(f"{begin}/faq/{faq}", title, text)
        if entity.has("docs"):
            for doc, document in entity.child("docs").fields():
                yield Passage(f"{begin}/doc/{doc}", title, f"{document.text('title')} {document.text('body')}")


def _examples(files: Files, split: str, options: Options) -> Iterator[Example]:
    folder = FOLDERS[split]
    logs, labels = f"{folder}/logs.json", f"{folder}/labels.json"
    for number, (log, label) in enumerate(zip_longest(files.listed(logs), files.listed(labels))):
        if log is None or label is None:
            short = files.paths[logs if log is None else labels]
            raise InputError(f"{short}: expected as many items as the other file of {folder}, found {number}")
        if not label.child("target").value:
            continue  # a turn that needs no knowledge
        turns = [Turn(_role(turn), turn.text("text")) for turn in log.items()]
        if not turns:
            raise log.wrong("at least one turn")
        gold = tuple(dict.fromkeys(_snippet(snippet) for snippet in label.children("knowledge")))
        response = label.text("response")
        yield Example(f"{folder}/{number}", turns[-1].text, (response,) if response else (), gold, tuple(turns[:-1]))


def _titled(name: str) -> str:
    """THE MAN ON THE MOON'S BED-AND-BREAKFAST as a title; names are published in capitals."""
    return _WORD.sub(lambda word: word[0].capitalize(), name)


def _role(turn: Node) -> str:
    speaker = turn.child("speaker")
    if speaker.value not in ROLES:
        raise speaker.wrong("U or S")
    return ROLES[speaker.value]


def _snippet(node: Node) -> str:
    """The id of the passage that a label names."""
    begin = f"{node.text('domain')}/{node.id('entity_id')}"
    if not node.has("doc_type"):
        return f"{begin}/doc/{node.id('doc_id')}"
    kind = node.text("doc_type")
    end = f"/{node.id('sent_id')}" if kind == "review" else ""
    return f"{begin}/{kind}/{node.id('doc_id')}{end}"


def _files(url: str, splits: tuple[str, ...]) -> tuple[File, ...]:
    names = [("knowledge.json", ())] + [
        (f"{FOLDERS[s]}/{kind}.json", (s,)) for s in splits for kind in ("logs", "labels")
    ]
    return tuple(File(name, url, needed, others=(f"data/{name}",)) for name, needed in names)


DSTC11 = Source(
    name="dstc11",
    title="DSTC11 track 5 (Zhao et al. 2023)",
    task="knowledge-grounded dialog",
    size="28,431 / 4,173 / 5,475 turns, about half of them knowledge-seeking; 10,882 review sentences and FAQs",
    licence="CDLA-Sharing-1.0",
    recipe="dstc",
    files=_files("https://github.com/alexa/dstc11-track5/tree/main/data", ("train", "dev", "test")),
    splits=("train", "dev", "test"),
    passages=_passages,
    examples=_examples,
    passage_files=("knowledge.json",),
    notes=("knowledge-seeking turns only",),
)

DSTC9 = Source(
    name="dstc9",
    title="DSTC9 track 1 (Kim et al. 2020)",
    task="knowledge-grounded dialog",
    size="71,348 / 9,663 turns, about a quarter of them knowledge-seeking",
    licence="CDLA-Sharing-1.0",
    recipe="dstc",
    files=_files("https://github.com/alexa/alexa-with-dstc9-track1-dataset/tree/master/data", ("train", "dev")),
    splits=("train", "dev"),
    passages=_passages,
    examples=_examples,
    passage_files=("knowledge.json",),
    notes=("knowledge-seeking turns only; the test turns (data_eval) have a knowledge base of their own",),
)
