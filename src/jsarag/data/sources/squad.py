"""SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018) as open-domain QA over their own paragraphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jsarag.data.sources.blocks import blocks
from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import Node, distinct
from jsarag.data.sources.source import NO_ANSWER, Options, Source
from jsarag.types import Example, Passage


def _paragraphs(files: Files, name: str) -> Iterator[tuple[str, Node]]:
    """A paragraph's id, title and number within the article, and the paragraph."""
    for article in files.listed(name, "data"):
        title = article.text("title")
        for number, paragraph in enumerate(article.children("paragraphs")):
            yield f"{title}/{number}", paragraph


def _passages(version: str) -> Callable[[Files, Options], Iterator[Passage]]:
    def passages(files: Files, options: Options) -> Iterator[Passage]:
        for split in ("train", "dev"):
            if files.has(f"{split}-{version}.json"):
                for name, paragraph in _paragraphs(files, f"{split}-{version}.json"):
                    title, context = name.rpartition("/")[0].replace("_", " "), _context(paragraph)
                    for number, (begin, end) in enumerate(blocks(context, options.block_words)):
                        yield Passage(f"{name}/{number}", title, context[begin:end])

    return passages


def _examples(version: str) -> Callable[[Files, str, Options], Iterator[Example]]:
    def examples(files: Files, split: str, options: Options) -> Iterator[Example]:
        for name, paragraph in _paragraphs(files, f"{split}-{version}.json"):
            spans = blocks(_context(paragraph), options.block_words)
            for question in paragraph.children("qas"):
                answers = [(a.text("text"), _offset(a)) for a in question.children("answers")]
                gold = [
                    f"{name}/{number}"
                    for number, (begin, end) in enumerate(spans)
                    if any(begin < at + len(text) and at < end for text, at in answers)
                ]
                outputs = distinct(text for text, _ in answers)
                if not outputs and options.unanswerable != "leave":
                    outputs = (NO_ANSWER,)
                if outputs:
                    yield Example(question.id("id"), question.text("question"), outputs, tuple(gold))

    return examples


def _context(paragraph: Node) -> str:
    """The text with the white space around it: answers count characters from its beginning."""
    found = paragraph.child("context")
    found.as_text()
    return str(found.value)


def _offset(answer: Node) -> int:
    start = answer.child("answer_start")
    if not isinstance(start.value, int) or start.value < 0:
        raise start.wrong("a number of characters")
    return start.value


def _source(name: str, version: str, title: str, size: str, takes: frozenset[str], sums: dict[str, str]) -> Source:
    url = "https://rajpurkar.github.io/SQuAD-explorer/dataset"
    files = tuple(
        File(f, f"{url}/{f}", (split,), sums={f: sums[split]})
        for split in ("train", "dev")
        for f in [f"{split}-{version}.json"]
    )
    return Source(
        name=name,
        title=title,
        task="open-domain QA",
        size=size,
        licence="CC BY-SA 4.0",
        recipe="squad",
        files=files,
        splits=("train", "dev"),
        passages=_passages(version),
        examples=_examples(version),
        passage_files=tuple(file.name for file in files),
        takes=takes,
        notes=("the test questions are not published; --hold-out 10000 tests on dev",),
    )


SQUAD = _source(
    "squad",
    "v1.1",
    "SQuAD 1.1 (Rajpurkar et al. 2016), over its own paragraphs",
    "87,599 / 10,570 questions",
    frozenset({"block_words"}),
    {
        "train": "sha256:3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955",
        "dev": "sha256:95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
    },
)

SQUAD2 = _source(
    "squad2",
    "v2.0",
    "SQuAD 2.0 (Rajpurkar et al. 2018), over its own paragraphs",
    "130,319 / 11,873 questions, a third and a half of them without an answer",
    frozenset({"block_words", "unanswerable"}),
    {
        "train": "sha256:68dcfbb971bd3e96d5b46c7177b16c1a4e7d4bdef19fb204502738552dede002",
        "dev": "sha256:80a5225e94905956a6446d296ca1093975c4d3b3260f1d6c8f68bc2ab77182d8",
    },
)
