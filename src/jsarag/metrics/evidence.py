"""Whether the retrieved passages hold the accepted answer: the quality of retrieval without passage labels."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.metrics.checks import check_references
from jsarag.metrics.words import overlap, passage_words, stands, words_of
from jsarag.types import Passage


def evidence_scores(
    references: Sequence[Sequence[str]],
    passages: Sequence[Sequence[Passage]],
    cutoffs: Sequence[int],
) -> dict[str, list[float]]:
    """Look for the accepted answers in the first k passages.

    Words and *stands in* are those of `attribution_scores`.

    Args:
        references: ``[examples, any]`` accepted answers, at least one an example.
        passages: ``[examples, any]`` retrieved passages, best first; an example may have none.
        cutoffs: The k.

    Returns:
        ``[examples]`` values from 0 to 1 for each cutoff k:
        ``answer@k`` 1 where an accepted answer stands in one of the first k passages: for answers that are copied;
        ``words@k`` share of an accepted answer's words that one of the first k passages holds, each as often as there,
        of the answer and the passage that give most: for answers in words of their own. An answer without words
        counts 0.

    Raises:
        ValueError: lengths differ, an example has no reference, or a cutoff is not above 0.
    """
    check_references([""] * len(passages), references)
    if not cutoffs or min(cutoffs) < 1:
        raise ValueError(f"expected cutoffs above 0, got {list(cutoffs)}")
    scores: dict[str, list[float]] = {f"{name}@{k}": [] for k in cutoffs for name in ("answer", "words")}
    for accepted, hs in zip(references, passages, strict=True):
        right = [words for y in accepted if (words := passage_words(y))]
        read = [words_of(h) for h in hs[: max(cutoffs)]]
        found = [any(stands(words, held) for words in right) for held in read]
        share = [max((overlap(words, held) / len(words) for words in right), default=0.0) for held in read]
        for k in cutoffs:
            scores[f"answer@{k}"].append(float(any(found[:k])))
            scores[f"words@{k}"].append(max(share[:k], default=0.0))
    return scores
