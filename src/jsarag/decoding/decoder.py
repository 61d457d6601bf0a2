"""What a decoder is: questions with their passages to answers; and those whose answer is generated in one go."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from jsarag.models import GREEDY, Followed, Generator, Mixture, Pair, Reader, Search
from jsarag.types import Answer, Retrieved

Progress = Callable[[int], None]


class Decoder(ABC):
    """One way to answer from passages; it defines a distribution p(y|x), which it searches."""

    @abstractmethod
    def __call__(
        self,
        generator: Generator,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]],
        search: Search = GREEDY,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Answer every x.

        Args:
            generator: p(y|x,h).
            xs: Questions.
            retrieved: The passages of each, best first, at least one.
            search: How tokens are chosen.
            progress: Told the size of each batch of generations.

        Returns:
            An answer to each question, in the order given, with its log-probability under this decoder's p(y|x).
        """

    @abstractmethod
    def log_likelihood(
        self, generator: Generator, xs: Sequence[str], ys: Sequence[str], retrieved: Sequence[Sequence[Retrieved]]
    ) -> Tensor:
        """``[questions]`` log p(y|x) in nats under this decoder; ``retrieved`` as in `__call__`."""

    def generations(self, passages: int, search: Search) -> int:
        """Generations that a question with so many passages takes."""
        return 1

    def uses(self, hs: Sequence[Retrieved]) -> Sequence[Retrieved]:
        """Those of the passages of a question that the answer is to be made from."""
        return hs

    def reads(self, generator: Generator, x: str, hs: Sequence[Retrieved]) -> Sequence[Retrieved]:
        """Those of `uses` that reach the generator: one prompt may not hold them all."""
        return self.uses(hs)


class Direct(Decoder):
    """A decoder that generates its answer token by token, so that it can be followed while it grows."""

    @abstractmethod
    def mixture(self, x: str, hs: Sequence[Retrieved]) -> Mixture:
        """What to generate the answer from."""

    def __call__(
        self,
        generator: Generator,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]],
        search: Search = GREEDY,
        progress: Progress | None = None,
    ) -> list[Answer]:
        """Generate from the mixture of each question."""
        mixtures = [self.mixture(x, hs) for x, hs in zip(xs, retrieved, strict=True)]
        found = generator.candidates(mixtures, search, progress=progress)
        return [
            Answer(best.text, best.log_probability, tuple(hs)) for (best, *_), hs in zip(found, retrieved, strict=True)
        ]

    def follow(
        self, generator: Generator, x: str, hs: Sequence[Retrieved], search: Search, tell: Callable[[str], None]
    ) -> Answer:
        """Answer one question, telling each piece of the text as soon as it is there; not with beams."""
        found = generator.follow(self.mixture(x, hs), search, tell)
        return Answer(found.text, found.log_probability, tuple(hs))

    def follow_all(
        self,
        generator: Generator,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]],
        search: Search,
        readers: Sequence[Reader],
    ) -> list[Answer]:
        """Answer questions together, the reader of each told the text while it is generated; not with beams.

        A generator that is not `Followed` answers them one after the other, to their ends.
        """
        mixtures = [self.mixture(x, hs) for x, hs in zip(xs, retrieved, strict=True)]
        if isinstance(generator, Followed):
            found = generator.follow_all(mixtures, search, readers)
        else:
            found = []
            for mixture, reader in zip(mixtures, readers, strict=True):
                found.append(generator.follow(mixture, search, reader.piece))
                reader.end(int(generator.answer_tokens([found[-1].text])), finished=found[-1].finished)
        return [Answer(one.text, one.log_probability, tuple(hs)) for one, hs in zip(found, retrieved, strict=True)]

    def log_likelihood(
        self, generator: Generator, xs: Sequence[str], ys: Sequence[str], retrieved: Sequence[Sequence[Retrieved]]
    ) -> Tensor:
        """``[questions]`` sum_t log sum_i weight_i p(y_t | x, prompt_i, y_<t)."""
        mixtures = [self.mixture(x, hs) for x, hs in zip(xs, retrieved, strict=True)]
        pairs = [Pair(m.x, passages, y) for m, y in zip(mixtures, ys, strict=True) for passages in m.parts]
        rows = torch.split(generator.token_log_likelihood(pairs), [len(m.parts) for m in mixtures])
        totals = [
            (tokens[:, :length] + torch.tensor(m.log_weights, device=tokens.device)[:, None]).logsumexp(0).sum()
            for m, tokens, length in zip(mixtures, rows, generator.answer_tokens(ys).tolist(), strict=True)
        ]
        return torch.stack(totals) if totals else torch.zeros(0)
