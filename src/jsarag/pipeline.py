"""Question in, answer with its evidence out: the prior retriever, the knowledge base, the generator and a decoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from jsarag import processes
from jsarag.checks import one_of, positive, require
from jsarag.decoding import DECODERS, Decoder, Direct, Stream
from jsarag.kb import CandidateConfig, KnowledgeBase
from jsarag.models import SEARCHES, Encoder, Generator, Search
from jsarag.retriever import NONE, Retriever
from jsarag.types import DECLINED, Answer, Retrieved

if TYPE_CHECKING:
    AnyDecoder = str | Decoder
else:
    # The parser of command lines and YAML files reads annotations: for it a decoder is nothing but its name.
    AnyDecoder = str


@dataclass(frozen=True)
class DecodingConfig:
    """How questions are answered.

    Attributes:
        mode: The distribution p(y|x) that is searched. top-1: from the best passage alone, the cheapest;
            rag-sequence-fast, rag-sequence-thorough: candidates from each passage, judged by their sum over passages;
            rag-token: each token from the mixture over passages; concat: from all passages in one prompt. From Python
            also a decoder of your own.
        passages: Passages given to the decoder.
        search: How tokens are chosen: greedy, beam (the likeliest of several beginnings) or sample (a draw).
        beams: With beam: beginnings kept; null: 4.
        temperature: With sample: what the log-probabilities are divided by; null: 1.
        top_p: With sample: only the likeliest tokens that together have this probability; null: 1, all.
        seed: With sample: fixes the draws; null: 0.
    """

    mode: AnyDecoder = "top-1"
    passages: int = 5
    search: str = "greedy"
    beams: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.mode, str):
            DECODERS.named(self.mode, "decoding.mode")
        require(isinstance(self.mode, str | Decoder), "decoding.mode", "a decoder or its name", self.mode)
        positive("decoding.passages", self.passages)
        one_of("decoding.search", self.search, SEARCHES)
        own = {field.name for field in fields(SEARCHES[self.search])}  # type: ignore[arg-type]
        for name, value in self._settings().items():
            others = [search for search, kind in SEARCHES.items() if name in {f.name for f in fields(kind)}]  # type: ignore[arg-type]
            expected = f"null with decoding.search {self.search} (it belongs to decoding.search {' or '.join(others)})"
            require(name in own, f"decoding.{name}", expected, value)
        self.chosen()

    @property
    def decoder(self) -> Decoder:
        """What ``mode`` names, or is."""
        return self.mode if isinstance(self.mode, Decoder) else DECODERS[self.mode]

    @property
    def name(self) -> str:
        """Of the decoder; of one's own that of its class."""
        return self.mode if isinstance(self.mode, str) else type(self.mode).__name__

    def chosen(self) -> Search:
        """The search with its settings."""
        return SEARCHES[self.search](**self._settings())

    @property
    def streams(self) -> bool:
        """Whether an answer can be read while it is generated."""
        return isinstance(self.decoder, Direct) and self.chosen().width == 1

    def check_stream(self) -> None:
        """Refuse to stream where the answer is known only at the end."""
        able = [name for name in DECODERS if isinstance(DECODERS[name], Direct)]
        direct = isinstance(self.decoder, Direct)
        require(direct, "decoding.mode", f"one of {', '.join(able)} to stream the answer", self.name)
        alone = self.chosen().width == 1
        require(alone, "decoding.search", "greedy or sample to stream the answer", self.search)

    @property
    def generations(self) -> int:
        """Generations that a question takes."""
        return self.decoder.generations(self.passages, self.chosen())

    def _settings(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in ("beams", "temperature", "top_p", "seed")}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Pipeline:
    """Everything inference needs. ``x`` is the rendered input: a question, or a dialog context.

    Attributes:
        prior: The retriever's encoder.
        kb: The passages.
        generator: What answers.
        decoding: How.
        least: The least `evidence` with which a question is answered; None: every question is.
        candidates: A source that may have a say in p(h|x).
    """

    prior: Encoder
    kb: KnowledgeBase
    generator: Generator
    decoding: DecodingConfig = DecodingConfig()
    least: float | None = None
    candidates: CandidateConfig = NONE

    def ask(self, question: str) -> Answer:
        """Answer one question, with its passages and their probabilities."""
        return self.answer([question])[0]

    @property
    def retriever(self) -> Retriever:
        """p(h|x) over the knowledge base."""
        return Retriever(self.prior, self.kb, candidates=self.candidates)

    def retrieve(self, xs: Sequence[str], k: int | None = None) -> list[list[Retrieved]]:
        """The prior's k passages (default: those the decoder is given) for each x, best first."""
        return self.retriever.retrieve(xs, k or self.decoding.passages)

    def answer(
        self,
        xs: Sequence[str],
        retrieved: Sequence[Sequence[Retrieved]] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Answer]:
        """Answer each x from its passages, retrieved here where they are not given."""
        hs = self.retrieve(xs) if retrieved is None else [row[: self.decoding.passages] for row in retrieved]
        decode, search = self.decoding.decoder, self.decoding.chosen()

        def answers(some: Sequence[tuple[str, Sequence[Retrieved]]]) -> list[Answer]:
            return decode(self.generator, [x for x, _ in some], [h for _, h in some], search, processes.times(progress))

        asked = [(x, h) for x, h in zip(xs, hs, strict=True) if not self.declines(h)]
        given = iter(processes.spread_list(asked, answers) if asked else [])
        return [_declined(h) if self.declines(h) else next(given) for h in hs]

    def declines(self, hs: Sequence[Retrieved]) -> bool:
        """Whether these passages are too little evidence for an answer."""
        return self.least is not None and evidence(hs, self.prior.scale) < self.least

    def log_likelihood(self, xs: Sequence[str], ys: Sequence[str]) -> float:
        """Mean log p(y|x) in nats under the decoding mode, with the passages that the decoder is given."""
        cases = list(zip(xs, ys, self.retrieve(xs), strict=True))

        def scores(some: Sequence[tuple[str, str, Sequence[Retrieved]]]) -> Tensor:
            decoder = self.decoding.decoder
            return decoder.log_likelihood(
                self.generator, [x for x, _, _ in some], [y for _, y, _ in some], [h for _, _, h in some]
            )

        with torch.inference_mode():
            return float(processes.spread(cases, scores).mean())

    def stream(self, x: str) -> Stream:
        """Answer one x, its text to be read piece by piece.

        Raises:
            InputError: a mode or search that knows its answer only at the end.
        """
        self.decoding.check_stream()
        decoder, search = self.decoding.decoder, self.decoding.chosen()
        assert isinstance(decoder, Direct)
        (hs,) = self.retrieve([x])

        def follow(tell: Callable[[str], None]) -> Answer:
            if not self.declines(hs):
                return decoder.follow(self.generator, x, hs, search, tell)
            tell(DECLINED)
            return _declined(hs)

        return Stream(follow)

    def answer_without_passages(self, xs: Sequence[str], progress: Callable[[int], None] | None = None) -> list[str]:
        """Closed-book answers: what the generator says from memory."""
        search = self.decoding.chosen()

        def texts(some: Sequence[str]) -> list[str]:
            found = self.generator.generate([(x, ()) for x in some], search, progress=processes.times(progress))
            return [generated.text for generated in found]

        return processes.spread_list(xs, texts)


def evidence(hs: Sequence[Retrieved], scale: float) -> float:
    """How well the best passage fits the question: s <e(h), e(x)>, less that of the null passage where there is one.

    That is log p(h|x) of the best passage up to the sum over all passages, which approximate indexes do not know. Of a
    question that is about something else than the documents every p(h|x) may be large, and the evidence is small.

    Args:
        hs: The passages found, best first.
        scale: The s of the retrieval softmax.

    Example:
        >>> evidence([Retrieved(Passage("1", "", "Pets are welcome."), score=0.7, probability=1.0)], 20.0)
        14.0
    """
    best = max((h.score for h in hs if not h.passage.null), default=-math.inf)
    null = max((h.score for h in hs if h.passage.null), default=0.0)
    return scale * (best - null)


def _declined(hs: Sequence[Retrieved]) -> Answer:
    return Answer(DECLINED, 0.0, tuple(hs), declined=True)
