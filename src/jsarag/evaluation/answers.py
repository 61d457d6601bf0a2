"""What answers are worth: against the accepted ones, and against what the generator knows by heart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jsarag.evaluation.sheet import Case, Sheet
from jsarag.kb import KnowledgeBase
from jsarag.metrics import (
    METRICS,
    Metric,
    answer_scores,
    dialog_scores,
    knowledge_f1,
    meteor_is_there,
    meteor_scores,
)


def judge(sheet: Sheet, cases: Sequence[Case], texts: Sequence[str], kb: KnowledgeBase) -> None:
    """Add the block answers: ``texts``, one a case, on the sheet's first so many rows; for dialogs the block dialog.

    Cases are dialogs where any of them has a history.
    """
    rows, references = sheet.rows[: len(texts)], [case.example.outputs for case in cases]
    for row, text in zip(rows, texts, strict=True):
        row["answer"] = text
    _score(sheet, "answers", texts, references, METRICS.all_loadable())
    if any(case.example.history for case in cases):
        sheet.add("dialog", dialog_scores(texts, references), rows)
        if meteor_is_there():
            sheet.add("dialog", {"meteor": meteor_scores(texts, references)}, rows)
        labelled = [i for i, case in enumerate(cases) if case.example.gold]
        if labelled:
            gold = [[kb.passages[kb.position[h]].text for h in cases[i].example.gold] for i in labelled]
            found = knowledge_f1([texts[i] for i in labelled], gold)
            sheet.add("dialog", {"knowledge_f1": found}, [rows[i] for i in labelled])


def judge_closed_book(sheet: Sheet, cases: Sequence[Case], texts: Sequence[str]) -> None:
    """Add the block closed_book: ``texts``, answers without passages, one a case, on the sheet's first rows."""
    rows, references = sheet.rows[: len(texts)], [case.example.outputs for case in cases]
    for row, text in zip(rows, texts, strict=True):
        row["closed_book"] = text
    closed_book = {name: metric for name, metric in METRICS.all_loadable().items() if metric.closed_book}
    _score(sheet, "closed_book", texts, references, closed_book)


def _score(
    sheet: Sheet, block: str, texts: Sequence[str], references: Sequence[Sequence[str]], metrics: Mapping[str, Metric]
) -> None:
    scores = answer_scores(texts, references, metrics)
    sheet.add(block, scores, sheet.rows[: len(texts)])
    pooled = {name: metrics[name].corpus for name in scores}
    sheet.put(block, {name: corpus(texts, references, sheet.resamples) for name, corpus in pooled.items() if corpus})
