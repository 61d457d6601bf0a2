"""Retrieval against gold passages: hit, recall, reciprocal rank and nDCG at cutoffs, by ir_measures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence


def retrieval_scores(
    rankings: Sequence[Sequence[str]], gold: Sequence[Collection[str]], cutoffs: Sequence[int]
) -> dict[str, list[float]]:
    """Score rankings by the TREC definitions of ``ir_measures``, under binary or graded relevance.

    Args:
        rankings: ``[examples, any]`` passage ids, best first; a ranking may be shorter than a cutoff, or empty.
        gold: ``[examples, any]`` ids of the right passages, at least one an example, in any order, all of grade 1; or a
            mapping of ids to grades, whole numbers, where a passage of grade 1 or above is right.
        cutoffs: Ranks k to cut at.

    Returns:
        ``[examples]`` values from 0 to 1 in the order given, for each cutoff k:
        ``hit@k`` 1 where a gold passage is among the first k (Success@k);
        ``recall@k`` gold passages among the first k / gold passages, so below 1 where there are more than k (R@k);
        ``mrr@k`` 1 / rank of the first gold passage, 0 where it is beyond k (RR@k);
        ``ndcg@k`` sum over gold ranks r <= k of grade / log2(r + 1), divided by its largest possible value (nDCG@k).

    Raises:
        ValueError: lengths differ, an example has no gold passage, a ranking names a passage twice, or a cutoff
            is not above 0.
    """
    import ir_measures

    if len(rankings) != len(gold):
        raise ValueError(f"expected as many rankings as gold sets, got {len(rankings)} and {len(gold)}")
    if not cutoffs or min(cutoffs) < 1:
        raise ValueError(f"expected cutoffs above 0, got {list(cutoffs)}")
    for i, (ranking, right) in enumerate(zip(rankings, gold, strict=True)):
        if not any(grade > 0 for grade in _grades(right).values()):
            raise ValueError(f"example {i} has no gold passage")
        if len(set(ranking)) != len(ranking):
            raise ValueError(f"ranking {i} names a passage twice")

    families = {"hit": ir_measures.Success, "recall": ir_measures.R, "mrr": ir_measures.RR, "ndcg": ir_measures.nDCG}
    measures = {family @ k: f"{name}@{k}" for name, family in families.items() for k in cutoffs}
    # An empty ranking is left out of the run: its values keep the 0 that `scores` starts with.
    run = {str(i): {h: float(-rank) for rank, h in enumerate(hs)} for i, hs in enumerate(rankings) if hs}
    relevance = {str(i): _grades(right) for i, right in enumerate(gold)}
    scores = {name: [0.0] * len(rankings) for name in measures.values()}
    if run:
        for value in ir_measures.iter_calc(list(measures), relevance, run):
            scores[measures[value.measure]][int(value.query_id)] = float(value.value)
    return scores


def _grades(right: Collection[str]) -> dict[str, int]:
    return dict(right) if isinstance(right, Mapping) else dict.fromkeys(right, 1)
