"""What answers are worth: against the accepted ones, and against what the generator knows by heart."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.evaluation.sheet import Case, Sheet
from jsarag.metrics import answer_scores, corpus_bleu

CLOSED_BOOK = ("em", "f1")
"""Figures of the answers without passages."""


def judge(sheet: Sheet, cases: Sequence[Case], texts: Sequence[str]) -> None:
    """Add the block answers: ``texts``, one a case, on the sheet's first so many rows."""
    rows, references = sheet.rows[: len(texts)], [case.example.outputs for case in cases]
    for row, text in zip(rows, texts, strict=True):
        row["answer"] = text
    sheet.add("answers", answer_scores(texts, references), rows)
    sheet.put("answers", corpus_bleu(texts, references))


def judge_closed_book(sheet: Sheet, cases: Sequence[Case], texts: Sequence[str]) -> None:
    """Add the block closed_book: ``texts``, answers without passages, one a case, on the sheet's first rows."""
    rows, references = sheet.rows[: len(texts)], [case.example.outputs for case in cases]
    for row, text in zip(rows, texts, strict=True):
        row["closed_book"] = text
    scores = answer_scores(texts, references)
    sheet.add("closed_book", {metric: scores[metric] for metric in CLOSED_BOOK}, rows)
