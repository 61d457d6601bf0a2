"""Wikipedia of December 2018 in passages of 100 words, as DPR published it (Karpukhin et al. 2020)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from jsarag.data.sources.files import File, Files
from jsarag.data.sources.node import distinct
from jsarag.data.sources.source import Options
from jsarag.types import InputError, Passage

DPR = "https://dl.fbaipublicfiles.com/dpr"

W100 = File(
    "psgs_w100.tsv",
    f"{DPR}/wikipedia_split/psgs_w100.tsv.gz",
    sums={"psgs_w100.tsv.gz": "md5:612fe66e0b6b41ee28f806140226c563"},
    lines={"psgs_w100.tsv": 21_015_325},  # the passages and a header
)


def passages(files: Files, options: Options) -> Iterator[Passage]:
    """The 21,015,324 passages: columns id, text, title under a header."""
    for line, (name, text, title) in files.rows(W100.name, 3, quoted=True):
        if line > 1 or name != "id":
            yield Passage(name, title, text)


def questions(files: Files, name: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """DPR's ``*.qa.csv``: a question, a tab, and a list of answers written in Python.

    Returns:
        Number of the question from 0, question, answers.

    Raises:
        InputError: a row of another form.
    """
    for line, (question, answers) in files.rows(name, 2, quoted=True):
        try:
            listed = ast.literal_eval(answers)
            if not isinstance(listed, list) or not all(isinstance(answer, str) for answer in listed):
                raise ValueError
            "".join(listed).encode()  # half a surrogate pair is no character
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            where = f"{files.paths[name]}:{line}"
            raise InputError(
                f"{where}: expected a list of answers in the second column, got {answers[:80]!r}"
            ) from None
        yield line - 1, question.strip(), distinct(answer.strip() for answer in listed)
