"""The models of a training run: the three that learn together, and the copies that do not."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from jsarag.kb import CandidateConfig, KnowledgeBase
from jsarag.models import Encoder, Generator, LanguageModel, SentenceEncoder
from jsarag.models.memory import Thrift
from jsarag.objectives import Component, Objective
from jsarag.retriever import NONE, Retriever, retrievers

ALL: tuple[Component, ...] = ("generator", "posterior", "prior")
PassageEncoder = Literal["frozen", "own", "shared"]
"""What encodes the passages while the models learn."""
Part = Component | Literal["passages"]
"""What can be trained: what objectives name, and the passage encoder that both retrievers share."""
Parts = dict[Part, Encoder | Generator]
"""The models that are trained, by part."""


@dataclass(frozen=True)
class Models:
    """The three models that learn together, and where an objective asks for them, copies that do not learn.

    Attributes:
        prior: Context encoder of p(h|x).
        posterior: Context encoder of q(h|x,y).
        generator: p(y|x,h).
        passages: Passage encoder of p and q where it learns, maybe that of the prior; None: the index's vectors stay.
        untrained_prior: The prior as it was before training.
        untrained_generator: The generator as it was before training.
    """

    prior: Encoder
    posterior: Encoder
    generator: Generator
    passages: Encoder | None = None
    untrained_prior: Encoder | None = None
    untrained_generator: Generator | None = None

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens that went through generators so far, without and with gradient."""
        generators = [g for g in (self.generator, self.untrained_generator) if g is not None]
        return sum(g.tokens_scored for g in generators), sum(g.tokens_trained for g in generators)

    @property
    def halvings(self) -> int:
        """How often the batches of tokens were halved, for want of memory, in the model where it was most often."""
        return max((thrift.halvings for thrift in self._thrifts), default=0)

    def spare(self, halvings: int) -> None:
        """Let all models work in batches that are halved so often."""
        for thrift in self._thrifts:
            thrift.halvings = halvings

    def halve(self) -> bool:
        """Let all models work in smaller batches; False where each batch holds one text."""
        return any([thrift.halve() for thrift in self._thrifts])  # noqa: C419 - all of them

    @property
    def batches(self) -> str:
        """How large the batches of tokens are, in words."""
        named = {"generator": self.generator, "encoders": self.prior}
        own = (SentenceEncoder, LanguageModel)
        sizes = [f"{one.batch_tokens:,} tokens in the {name}" for name, one in named.items() if isinstance(one, own)]
        return f"batches of {' and '.join(sizes)}"

    @property
    def _thrifts(self) -> list[Thrift]:
        # One encoder may have two parts to play.
        own = (SentenceEncoder, LanguageModel)
        return list({id(model): model.thrift for model in vars(self).values() if isinstance(model, own)}.values())

    def retrievers(
        self, kb: KnowledgeBase, objective: Objective, candidates: CandidateConfig = NONE
    ) -> dict[str, Retriever]:
        """The retrievers that an objective's step asks: always the prior."""
        asks = "posterior" in objective.sources | objective.trains
        found = retrievers(self.prior, self.posterior if asks else None, kb, candidates)
        if "untrained" in objective.sources and self.untrained_prior is not None:
            found["untrained"] = Retriever(self.untrained_prior, kb)
        return found

    @classmethod
    def of(cls, encoder: Encoder, generator: Generator, *, passages: PassageEncoder = "frozen") -> Models:
        """The models of a run that starts from an encoder and a generator.

        Args:
            encoder: Becomes the prior; the posterior, and a passage encoder of its own, start as copies.
            generator: The generator.
            passages: What encodes the passages: the encoder as it is now (their vectors stay), a third one that learns,
                or the prior.
        """
        own = {"frozen": None, "own": encoder.copy() if passages == "own" else None, "shared": encoder}[passages]
        return cls(encoder, encoder.copy(), generator, own)

    def complete(self, objective: Objective) -> Models:
        """These models with the copies of the untrained ones that an objective asks for."""
        prior, generator = self.untrained_prior, self.untrained_generator
        if prior is None and "untrained" in objective.sources:
            prior = self.prior.copy()
        if generator is None and objective.first_reading.untrained:
            generator = self.generator.copy()
        return replace(self, untrained_prior=prior, untrained_generator=generator)

    def parts(self, components: Collection[Component] = ALL) -> Parts:
        """The models that are trained, by part: those an objective names, and the passage encoder."""
        found: Parts = {}
        for component in ALL:
            if component in components:
                found[component] = getattr(self, component)
        if self.passages is not None and self.passages is not self.prior:
            found["passages"] = self.passages
        return found

    def trained(self, components: Collection[Component]) -> dict[Part, dict[str, nn.Parameter]]:
        """The trained parameters by part and name: of the components an objective names, and of the passage encoder."""
        reads_all = self.passages is self.prior
        ways: dict[Component, Callable[[], dict[str, nn.Parameter]]] = {
            "generator": self.generator.trained,
            "posterior": lambda: self.posterior.trained("query"),
            "prior": lambda: self.prior.trained(None if reads_all else "query"),
        }
        found: dict[Part, dict[str, nn.Parameter]] = {part: way() for part, way in ways.items() if part in components}
        if self.passages is not None and not reads_all:
            found["passages"] = self.passages.trained("document")
        return found
