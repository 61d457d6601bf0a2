"""What a run has brought: each figure after training against before, without passages and against the baselines."""

from __future__ import annotations

from jsarag.evaluation import Evaluation, Paired, paired
from jsarag.evaluation.pairing import Score, means_only, same

CLOSED_BOOK: list[Score] = [
    *((f"closed_book/{metric}", f"answers/{metric}") for metric in ("em", "f1")),
    ("likelihood/closed_book", "likelihood/per_token"),
]
"""The same figure without passages and with them."""


def outcome(before: Evaluation | None, after: Evaluation, baselines: Evaluation, resamples: int) -> dict[str, Paired]:
    """Paired tests of what a run measured last.

    Returns:
        ``before``: each figure after training against before; ``closed_book``: answers with passages against answers
        without; by the block of each baseline: the retriever after training against the baseline.
    """
    found: dict[str, Paired] = {}
    if before:
        tests = paired(before.rows, after.rows, resamples=resamples)
        found["before"] = means_only(tests, before.summary, after.summary)
    found["closed_book"] = paired(after.rows, after.rows, CLOSED_BOOK, resamples=resamples)
    for block in baselines.summary:
        scores = [
            (theirs, f"{own}/{theirs.removeprefix(f'{block}/')}")
            for theirs, _ in same(baselines.rows)
            if theirs.startswith(f"{block}/")
            for own in ("prior", "evidence")
        ]
        found[block] = paired(baselines.rows, after.rows, scores, resamples=resamples)
    return {against: tests for against, tests in found.items() if tests}
