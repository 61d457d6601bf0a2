"""BLEU by sacrebleu, of sentences and of the corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from jsarag.metrics.bootstrap import Estimate
from jsarag.metrics.checks import check_references
from jsarag.metrics.metric import Metric
from jsarag.metrics.words import spaced

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU


def corpus_bleu(
    predictions: Sequence[str], references: Sequence[Sequence[str]], *, resamples: int = 1000
) -> dict[str, Estimate]:
    """BLEU of the whole corpus, ``bleu1`` and ``bleu4``, from 0 to 1, with sacrebleu's 95% bootstrap interval.

    No effective order here: in a corpus without any 4-gram BLEU-4 is 0. sacrebleu draws its resamples from a fixed
    seed and holds them all: about 60 bytes an example and resample.

    Args:
        predictions: ``[examples]`` answers, which may be empty.
        references: ``[examples, any]`` accepted answers, at least one an example, in any number.
        resamples: Bootstrap resamples, at least 2.

    Raises:
        ValueError: no examples, lengths differ, an example has no reference, or fewer than 2 resamples.
    """
    check_references(predictions, references)
    if not predictions or resamples < 2:
        raise ValueError(f"expected an example and 2 resamples or more, got {len(predictions)} and {resamples}")
    return {f"bleu{order}": _corpus(order, predictions, references, resamples) for order in (1, 4)}


def _sentences(order: int, answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    bleu, pairs = _bleu(order, effective=True), zip(answers, references, strict=True)
    return [_share(bleu.sentence_score(spaced(said), [*map(spaced, accepted)]).score) for said, accepted in pairs]


def _corpus(order: int, answers: Sequence[str], references: Sequence[Sequence[str]], resamples: int) -> Estimate:
    width = max(len(accepted) for accepted in references)
    padded = [[spaced(accepted[j]) if j < len(accepted) else None for accepted in references] for j in range(width)]
    bleu = _bleu(order)
    # sacrebleu's annotations leave out the None that its code takes for a missing reference.
    score = bleu.corpus_score([*map(spaced, answers)], padded, n_bootstrap=resamples)  # type: ignore[arg-type]
    # Its JSON is the public way to the interval, and has none where every resample scored 0.
    row = json.loads(score.format(width=6, signature=str(bleu.get_signature()), is_json=True))
    middle, half = row.get("confidence_mean", 0.0), row.get("confidence_var", 0.0)
    return Estimate(_share(score.score), _share(middle - half), _share(middle + half))


def _bleu(order: int, *, effective: bool = False) -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    # `force` only silences a hint about tokenised text, which answers of a model may look like.
    return BLEU(max_ngram_order=order, effective_order=effective, force=True)


def _share(percent: float) -> float:
    """From percent to 0..1; a perfect BLEU comes out of exp and log a last bit above 100."""
    return min(max(float(percent) / 100, 0.0), 1.0)


BLEU1 = Metric("bleu1", "BLEU-1", partial(_sentences, 1), corpus=partial(_corpus, 1))
BLEU4 = Metric("bleu4", "BLEU-4", partial(_sentences, 4), corpus=partial(_corpus, 4))
