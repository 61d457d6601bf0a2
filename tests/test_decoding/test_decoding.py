"""Decoders against enumeration over a generator whose probabilities are a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from jsarag.decoding import DECODERS
from jsarag.models import Generated, Pair
from jsarag.types import Passage, Retrieved

# log p(y|x,h) of three answers under three passages; greedy decoding finds the best of each row.
TABLE = {
    "1": {"Ada": -0.2, "Tib": -2.0, "nine": -3.0},
    "2": {"Ada": -3.0, "Tib": -0.4, "nine": -1.5},
    "3": {"Ada": -6.0, "Tib": -0.5, "nine": -1.1},
}
PRIOR = {"1": 0.5, "2": 0.3, "3": 0.2}


class TableGenerator:
    """Stands in for a `Generator`: answers and likelihoods from `TABLE`."""

    def generate(
        self, prompts: Sequence[tuple[str, tuple[Passage, ...]]], *, progress: Callable[[int], None] | None = None
    ) -> list[Generated]:
        found = []
        for _, (passage,) in prompts:
            row = TABLE[passage.id]
            best = max(row, key=lambda y: row[y])
            found.append(Generated(best, row[best]))
        if progress:
            progress(len(prompts))
        return found

    def log_likelihood(self, pairs: Sequence[Pair]) -> Tensor:
        return torch.tensor([TABLE[pair.passages[0].id][pair.y] for pair in pairs])


HS = [Retrieved(Passage(i, "", ""), 0.0, p) for i, p in PRIOR.items()]


def marginal(y: str, passages: Sequence[str]) -> float:
    return math.log(sum(PRIOR[h] * math.exp(TABLE[h][y]) for h in passages))


def decode(mode: str, hs: Sequence[Retrieved] = HS) -> tuple[str, float]:
    told: list[int] = []
    (answer,) = DECODERS[mode](TableGenerator(), ["x"], [hs], told.append)  # type: ignore[arg-type]
    assert list(answer.passages) == list(hs)
    assert sum(told) == (1 if mode == "top-1" else len(hs))
    return answer.text, answer.log_probability


def test_top_1_uses_the_best_passage_alone() -> None:
    assert decode("top-1") == ("Ada", -0.2)


def test_thorough_is_the_argmax_of_the_marginal_over_candidates() -> None:
    # Ada: .5 e^-.2 + .3 e^-3 + .2 e^-6 = .425;  Tib: .5 e^-2 + .3 e^-.4 + .2 e^-.5 = .390
    text, log_probability = decode("rag-sequence-thorough")
    exact = {y: marginal(y, "123") for y in ("Ada", "Tib")}  # nine is nobody's greedy answer
    assert text == max(exact, key=lambda y: exact[y]) == "Ada"
    assert log_probability == pytest.approx(exact["Ada"], abs=1e-6)


def test_fast_counts_an_answer_only_where_it_was_generated() -> None:
    # Ada from passage 1: .5 e^-.2 = .409;  Tib from passages 2 and 3: .3 e^-.4 + .2 e^-.5 = .322
    text, log_probability = decode("rag-sequence-fast")
    assert text == "Ada"
    assert log_probability == pytest.approx(marginal("Ada", "1"), abs=1e-6)


def test_fast_and_thorough_may_differ() -> None:
    # With 0.42 / 0.33 / 0.25 the marginal prefers Tib (.420 to .361), and so do the generated ones (.373 to .344).
    hs = [Retrieved(h.passage, 0.0, p) for h, p in zip(HS, (0.48, 0.32, 0.20), strict=True)]
    thorough = {y: sum(h.probability * math.exp(TABLE[h.passage.id][y]) for h in hs) for y in ("Ada", "Tib")}
    fast = {"Ada": 0.48 * math.exp(-0.2), "Tib": 0.32 * math.exp(-0.4) + 0.20 * math.exp(-0.5)}
    assert decode("rag-sequence-thorough", hs)[0] == max(thorough, key=lambda y: thorough[y])
    assert decode("rag-sequence-fast", hs)[0] == max(fast, key=lambda y: fast[y])


def test_passages_of_no_probability_do_no_harm() -> None:
    hs = [HS[0], Retrieved(HS[1].passage, 0.0, 0.0)]
    for mode in DECODERS:
        text, log_probability = decode(mode, hs)
        assert text == "Ada"
        assert math.isfinite(log_probability)
