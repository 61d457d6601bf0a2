"""Where the answers of a data set come from, and how that goes with gold passages and right answers."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.evaluation.sheet import Case, Row, Sheet
from jsarag.metrics import attribution_scores, interval
from jsarag.types import Retrieved

WITHIN = {"combinations_in_passages": "attribution/answer_in_passages", "combinations_by_heart": "attribution/by_heart"}
"""Figures told apart by combination: block and score of an example."""


def measure_attribution(sheet: Sheet, cases: Sequence[Case], read: Sequence[Sequence[Retrieved]]) -> None:
    """Add the block attribution, and the combinations of gold passage read or missed with answer right or wrong.

    combinations holds the share of each combination among the examples with gold passages; the blocks of `WITHIN`
    hold the mean of one score in each combination that occurs. An answer is right where its EM is 1.

    Args:
        sheet: Its first so many rows have been judged, with closed-book answers or without.
        cases: The judged cases.
        read: The passages each answer was made from, best first.
    """
    rows = sheet.rows[: len(cases)]
    closed = [row["closed_book"] for row in rows] if all("closed_book" in row for row in rows) else None
    passages = [[h.passage for h in hs] for hs in read]
    references = [case.example.outputs for case in cases]
    answers = [row["answer"] for row in rows]
    sheet.add("attribution", attribution_scores(answers, references, passages, closed), rows)

    by: dict[str, list[Row]] = {name: [] for name in ("read_right", "read_wrong", "missed_right", "missed_wrong")}
    for row, hs in zip(rows, passages, strict=True):
        if row["gold"]:
            found = any(h.id in row["gold"] for h in hs)
            row["combination"] = f"{'read' if found else 'missed'}_{'right' if row['answers/em'] == 1 else 'wrong'}"
            by[row["combination"]].append(row)
    labelled = [row["combination"] for row in rows if row["gold"]]
    if not labelled:
        return
    shares = {name: [float(one == name) for one in labelled] for name in by}
    sheet.put("combinations", {name: interval(share, resamples=sheet.resamples) for name, share in shares.items()})
    for block, score in WITHIN.items():
        scores = {name: [row[score] for row in some if score in row] for name, some in by.items()}
        found_in = {name: interval(values, resamples=sheet.resamples) for name, values in scores.items() if values}
        if found_in:
            sheet.put(block, found_in)
