"""Whether the retrieval probabilities of an evaluation are what they say."""

from __future__ import annotations

from dataclasses import asdict

from jsarag.evaluation.sheet import Sheet
from jsarag.metrics import brier_scores, calibration_error, reliability


def measure_calibration(sheet: Sheet) -> None:
    """Add the block calibration and the bins ``reliability``: p(top-1) against whether the top-1 passage is gold.

    The probability is p(h|x) of the best passage, renormalised over the passages that an answer is given, as
    everywhere at inference; over the rows that have gold passages.
    """
    labelled = [row for row in sheet.rows if row["gold"]]
    if not labelled:
        return
    # Rounding of a softmax may leave a last bit above 1.
    top = [min(row["passages"][0]["probability"], 1.0) for row in labelled]
    right = [row["passages"][0]["id"] in row["gold"] for row in labelled]
    sheet.add("calibration", {"brier": brier_scores(top, right), "probability": top}, labelled)
    sheet.put("calibration", {"ece": calibration_error(top, right, resamples=sheet.resamples)})
    sheet.summary["reliability"] = [asdict(one) for one in reliability(top, right)]
