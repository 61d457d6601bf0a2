"""Natural Questions, open: DPR's split with gold passages, and Google's release of the questions."""

from __future__ import annotations

from collections.abc import Iterator

from jsarag.data.sources import wikipedia
from jsarag.data.sources.files import File, Files
from jsarag.data.sources.source import Options, Source
from jsarag.data.sources.wikipedia import DPR, W100
from jsarag.types import Example

HUMAN = 1000
"""The score that DPR's files give to the passage a person marked; others only hold the answer's words."""


def _dpr(files: Files, split: str, options: Options) -> Iterator[Example]:
    gold = _gold(files, f"biencoder-nq-{split}.json")
    for number, question, answers in wikipedia.questions(files, f"nq-{split}.qa.csv"):
        yield Example(f"{split}/{number}", question, answers, gold.get(question, ()))


def _gold(files: Files, name: str) -> dict[str, tuple[str, ...]]:
    """Question to the ids of the passages marked by a person; {} where the file is not there."""
    if not files.has(name):
        return {}
    gold: dict[str, tuple[str, ...]] = {}
    for node in files.listed(name):
        marked = [p for p in node.children("positive_ctxs") if p.child("score").value == HUMAN]
        gold[node.text("question")] = tuple(dict.fromkeys(p.id("passage_id") for p in marked))
    return gold


def _google(files: Files, split: str, options: Options) -> Iterator[Example]:
    for number, node in enumerate(files.records(f"NQ-open.{split}.jsonl")):
        yield Example(f"{split}/{number}", node.text("question"), node.texts("answer"))


NQ = Source(
    name="nq",
    title="Natural Questions, open (Kwiatkowski et al. 2019; Lee et al. 2019), as DPR split it",
    task="open-domain QA",
    size="79,168 / 8,757 / 3,610 questions, 21,015,324 Wikipedia passages of 100 words",
    licence="questions CC BY-SA 3.0, DPR's repository CC BY-NC 4.0, Wikipedia CC BY-SA",
    recipe="nq",
    files=(
        W100,
        *(
            File(f"nq-{s}.qa.csv", f"{DPR}/data/retriever/nq-{s}.qa.csv", (s,), lines={f"nq-{s}.qa.csv": lines})
            for s, lines in (("train", 79_168), ("dev", 8_757), ("test", 3_610))
        ),
        File(
            "biencoder-nq-train.json",
            f"{DPR}/data/retriever/biencoder-nq-train.json.gz",
            ("train",),
            optional=True,
            sums={"biencoder-nq-train.json.gz": "md5:a1c927b5adae71388eb064329387709f"},
        ),
        File(
            "biencoder-nq-dev.json",
            f"{DPR}/data/retriever/biencoder-nq-dev.json.gz",
            ("dev",),
            optional=True,
            sums={"biencoder-nq-dev.json.gz": "md5:2640483dbe0df7ae29c6da419c551a80"},
        ),
    ),
    splits=("train", "dev", "test"),
    passages=wikipedia.passages,
    examples=_dpr,
    passage_files=(W100.name,),
    notes=("gold passages come from biencoder-nq-*.json, found by the question's text; none are published for test",),
)

_GITHUB = "https://github.com/google-research-datasets/natural-questions/tree/master/nq_open"

NQ_OPEN = Source(
    name="nq-open",
    title="Natural Questions, open (Kwiatkowski et al. 2019; Lee et al. 2019), as Google released it",
    task="open-domain QA",
    size="87,925 / 3,610 questions, 21,015,324 Wikipedia passages of 100 words",
    licence="questions CC BY-SA 3.0, Wikipedia CC BY-SA",
    recipe="nq",
    files=(
        W100,
        *(
            File(f"NQ-open.{s}.jsonl", _GITHUB, (s,), lines={f"NQ-open.{s}.jsonl": lines})
            for s, lines in (("train", 87_925), ("dev", 3_610))
        ),
    ),
    splits=("train", "dev"),
    passages=wikipedia.passages,
    examples=_google,
    passage_files=(W100.name,),
    notes=("no gold passages; papers report the published dev questions as test: --hold-out 8757 does so",),
)
