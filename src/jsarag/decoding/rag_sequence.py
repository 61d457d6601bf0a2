"""RAG-Sequence: candidates from each passage, judged by the marginal p(y|x) (arXiv 2005.11401, section 2.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from jsarag.decoding.decoder import Decoder, Progress
from jsarag.models import GREEDY, Generator, Mixture, Pair, Search
from jsarag.types import Answer, Retrieved

Candidate = tuple[bool, str]
"""Whether an answer came to its end within the longest answer, and its text."""


class RagSequence(Decoder):
    """p(y|x) = sum_h p(h|x) p(y|x,h): the passage is the same for the whole answer.

    Every passage gives its candidates, with beams all of them. A sampled answer is a draw from p(y|x) itself: one
    passage is drawn by p(h|x), then an answer from it.
    """

    def log_likelihood(
        self, generator: Generator, xs: Sequence[str], ys: Sequence[str], retrieved: Sequence[Sequence[Retrieved]]
    ) -> Tensor:
        """``[questions]`` log sum_h p(h|x) p(y|x,h)."""
        cases = list(zip(xs, ys, retrieved, strict=True))
        pairs = [Pair(x, (h.passage,), y) for x, y, hs in cases for h in hs]
        rows = torch.split(generator.token_log_likelihood(pairs).sum(-1).cpu(), [len(hs) for hs in retrieved])
        totals = [(_log_weights(hs) + lik).logsumexp(0) for hs, lik in zip(retrieved, rows, strict=True)]
        return torch.stack(totals) if totals else torch.zeros(0)

    def generations(self, passages: int, search: Search) -> int:
        """One for each passage that the search takes candidates from."""
        return len(search.passages("", torch.zeros(passages)))

    def _candidates(
        self,
        generator: Generator,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]],
        search: Search,
        progress: Progress | None,
    ) -> Iterator[dict[Candidate, float]]:
        """For each x its distinct candidates with log sum p(h|x) p(y|x,h) over the passages that gave them."""
        chosen = [search.passages(x, _log_weights(hs)) for x, hs in zip(xs, retrieved, strict=True)]
        mixtures = [
            Mixture(x, ((hs[i].passage,),), (0.0,))
            for x, hs, some in zip(xs, retrieved, chosen, strict=True)
            for i in some
        ]
        found = iter(generator.candidates(mixtures, search, progress=progress))
        for hs, some in zip(retrieved, chosen, strict=True):
            terms: dict[Candidate, list[float]] = {}
            for i in some:
                for text, log_probability, finished in next(found):
                    terms.setdefault((finished, text), []).append(hs[i].log_probability + log_probability)
            yield {candidate: float(torch.tensor(values).logsumexp(0)) for candidate, values in terms.items()}


class Fast(RagSequence):
    """An answer counts only under the passages from which it was generated: no rescoring ("fast decoding")."""

    def __call__(
        self,
        generator: Generator,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]],
        search: Search = GREEDY,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """The candidate with the largest sum over its own passages; that is a lower bound of its log p(y|x).

        One that was cut at the longest answer is taken only where none came to its end: its probability, that of all
        answers that begin so, is not to be compared with theirs.
        """
        found = self._candidates(generator, xs, retrieved, search, progress)
        best = [max(totals.items(), key=lambda one: (one[0][0], one[1])) for totals in found]
        return [Answer(text, total, tuple(hs)) for ((_, text), total), hs in zip(best, retrieved, strict=True)]


class Thorough(RagSequence):
    """Every candidate is scored under every passage: argmax_y sum_h p(h|x) p(y|x,h) among the candidates.

    The end is part of each, also of one that was cut at the longest answer.
    """

    @torch.inference_mode()
    def __call__(
        self,
        generator: Generator,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]],
        search: Search = GREEDY,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """The likeliest candidate."""
        found = self._candidates(generator, xs, retrieved, search, progress)
        candidates = [list(dict.fromkeys(text for _, text in totals)) for totals in found]
        cases = [(x, y, hs) for x, hs, ys in zip(xs, retrieved, candidates, strict=True) for y in ys]
        scores = iter(
            self.log_likelihood(generator, [c[0] for c in cases], [c[1] for c in cases], [c[2] for c in cases])
        )
        best = [max(((float(next(scores)), y) for y in ys), key=lambda one: one[0]) for ys in candidates]
        return [Answer(text, total, tuple(hs)) for (total, text), hs in zip(best, retrieved, strict=True)]


def _log_weights(hs: Sequence[Retrieved]) -> Tensor:
    return torch.tensor([h.log_probability for h in hs])
