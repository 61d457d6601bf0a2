"""TriviaQA (Joshi et al. 2017): the release, and DPR's split of it."""

from __future__ import annotations

from collections.abc import Iterator

from jsarag.data.sources import wikipedia
from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import distinct
from jsarag.data.sources.source import Options, Source
from jsarag.data.sources.wikipedia import DPR, W100
from jsarag.types import Example


def _release(files: Files, split: str, options: Options) -> Iterator[Example]:
    """The value is the first answer, its aliases follow."""
    for node in files.listed(f"unfiltered-web-{split}.json", "Data"):
        answer = node.child("Answer")
        outputs = distinct((answer.text("Value"), *answer.texts("Aliases")))
        yield Example(node.id("QuestionId"), node.text("Question"), outputs)


def _dpr(files: Files, split: str, options: Options) -> Iterator[Example]:
    for number, question, answers in wikipedia.questions(files, f"trivia-{split}.qa.csv"):
        yield Example(f"{split}/{number}", question, answers)


def _file(split: str) -> File:
    name = f"unfiltered-web-{split}.json"
    others = (f"triviaqa-unfiltered/{name}", f"qa/web-{split}.json", f"web-{split}.json")
    url = "https://nlp.cs.washington.edu/triviaqa/data/triviaqa-unfiltered.tar.gz"
    return File(name, url, (split,), others=others)


TRIVIAQA = Source(
    name="triviaqa",
    title="TriviaQA (Joshi et al. 2017), the unfiltered release",
    task="open-domain QA",
    size="87,622 / 11,313 questions, 21,015,324 Wikipedia passages of 100 words",
    licence="questions: none stated, the authors claim no copyright in them; Wikipedia CC BY-SA",
    recipe="triviaqa",
    files=(W100, _file("train"), _file("dev")),
    splits=("train", "dev"),
    passages=wikipedia.passages,
    examples=_release,
    passage_files=(W100.name,),
    notes=(
        "no gold passages, and no answers to the test questions; papers report dev as test: --hold-out 8837 does so",
        "qa/web-*.json of triviaqa-rc.tar.gz (questions whose documents hold the answer) are read too",
    ),
)

TRIVIAQA_DPR = Source(
    name="triviaqa-dpr",
    title="TriviaQA (Joshi et al. 2017), as DPR split it",
    task="open-domain QA",
    size="78,785 / 8,837 / 11,313 questions, 21,015,324 Wikipedia passages of 100 words",
    licence="questions: none stated; DPR's repository CC BY-NC 4.0, Wikipedia CC BY-SA",
    recipe="triviaqa",
    files=(
        W100,
        *(
            File(
                f"trivia-{s}.qa.csv",
                f"{DPR}/data/retriever/trivia-{s}.qa.csv.gz",
                (s,),
                lines={f"trivia-{s}.qa.csv": lines},
            )
            for s, lines in (("train", 78_785), ("dev", 8_837), ("test", 11_313))
        ),
    ),
    splits=("train", "dev", "test"),
    passages=wikipedia.passages,
    examples=_dpr,
    passage_files=(W100.name,),
    notes=("no gold passages",),
)
