"""What a generator p(y|x,h) is to the rest of the code; any object that offers this is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from jsarag.models.decode import Generated, Mixture
from jsarag.models.reader import Reader
from jsarag.models.search import Greedy, Search
from jsarag.types import Passage

GREEDY = Greedy()


class Pair(NamedTuple):
    """One thing to score: y given x and h: one passage, several in one prompt, or none (closed book)."""

    x: str
    passages: tuple[Passage, ...]
    y: str


class Generator(Protocol):
    """A generator; `jsarag.models.LanguageModel` is the one for models of transformers.

    Attributes:
        tokens_scored: Tokens that went through the model without gradient so far, padding not counted.
        tokens_trained: Likewise with gradient.
    """

    tokens_scored: int
    tokens_trained: int

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""

    def log_likelihood(self, pairs: Sequence[Pair]) -> Tensor:
        """``[pairs]`` log p(y|x,h) in nats, float32, with gradient where it is enabled.

        Raises:
            InputError: a question and answer that do not fit into a prompt; the same in all that score or answer.
        """

    def token_log_likelihood(self, pairs: Sequence[Pair], *, temperature: float = 1.0) -> Tensor:
        """``[pairs, longest answer]`` log p(y_t|x,h,y_<t) in nats, float32; 0 past the end of an answer.

        Args:
            pairs: What to score; gradient where it is enabled.
            temperature: What the logits are divided by.
        """

    def answer_tokens(self, ys: Sequence[str]) -> Tensor:
        """``[answers]`` tokens of each answer, the end of answer included; on the host."""

    def total(self, token_log_lik: Tensor, tokens: Tensor) -> Tensor:
        """``[...]`` log-likelihoods of ``token_log_lik[..., longest]``: their sum, or as it is set up."""

    def candidates(
        self, mixtures: Sequence[Mixture], search: Search = GREEDY, *, progress: Callable[[int], None] | None = None
    ) -> list[list[Generated]]:
        """Answers to each mixture, best first: one, or with beams up to one a beam.

        Args:
            mixtures: What to answer from.
            search: How tokens are chosen.
            progress: Told the number of mixtures in each batch.
        """

    def generate(
        self,
        prompts: Sequence[tuple[str, tuple[Passage, ...]]],
        search: Search = GREEDY,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> list[Generated]:
        """The best answer to each (x, passages), in the order given; the passages stand in one prompt, or are none."""

    def follow(self, mixture: Mixture, search: Search, tell: Callable[[str], None]) -> Generated:
        """Answer one mixture, telling each piece of the text as soon as it is there; not with beams."""

    def reads(self, x: str, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """Those of ``passages`` that fit into one prompt of an answer to ``x``; the first always does."""

    @property
    def bound(self) -> str:
        """The setting that bounds a prompt, in words, for people; empty where there is none."""

    def check_fits(self, x: str, y: str, *, answered: bool) -> None:
        """Refuse a pair that no prompt holds; ``answered``: the generator will answer x, and not only score y.

        Raises:
            InputError: x and y are too long.
        """

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""

    def copy(self) -> Generator:
        """An independent generator with the same weights."""

    def save(self, folder: Path) -> None:
        """Write what training changed into a new folder, as the generator's own library opens it."""

    def load(self, folder: Path) -> None:
        """Take over what `save` wrote.

        Raises:
            InputError: another model wrote it, or a weight is not finite.
        """


@runtime_checkable
class Followed(Protocol):
    """A generator whose answers can be read while several are generated together; a generator need not be one."""

    def follow_all(self, mixtures: Sequence[Mixture], search: Search, readers: Sequence[Reader]) -> list[Generated]:
        """Answer each mixture, its reader told the text while it is generated; not with beams.

        An answer ends where its reader lets it end, and those beside it go on.
        """
