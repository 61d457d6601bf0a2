"""What requests want of the models: an answer, passages, vectors."""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from jsarag.api import Run
from jsarag.decoding import Decoder, Direct
from jsarag.models import LanguageModel, Reader, SentenceEncoder
from jsarag.pipeline import DecodingConfig
from jsarag.retriever import Retriever
from jsarag.serving.worker import Work
from jsarag.types import DECLINED, InputError, Passage, Retrieved

Weights = Literal["trained", "untrained"]
Task = Literal["query", "passage"]
SLICE = 32
"""Texts of one request that are embedded before other requests have their turn."""


@dataclass(frozen=True)
class Found:
    """The passages of a question are known; pieces of the answer follow, as text."""

    passages: Sequence[Retrieved]
    declined: bool
    tokens: int
    """Of the prompts that the answer is generated from."""


@dataclass(frozen=True)
class Ended:
    """An answer is over: how many tokens it took, and whether it came to its end."""

    tokens: int
    finished: bool


class Ask(Work, Reader):
    """An answer to one question: `Found`, pieces of text, `Ended`."""

    def __init__(
        self, x: str, decoding: DecodingConfig, *, longest: int | None = None, stop: Sequence[str] = ()
    ) -> None:
        """Of ``x``, the question with its history; a sampled answer without a seed is another one each time."""
        super().__init__()
        self.x, self.decoding, self.longest, self.stop = x, decoding, longest, stop

    @property
    def kind(self) -> Hashable:
        """One way of decoding."""
        return Ask, self.decoding

    @property
    def drawn(self) -> bool:
        """Whether the answer is a draw that nothing fixes."""
        return self.decoding.search == "sample" and self.decoding.seed is None

    def goes_with(self, others: Sequence[Work]) -> bool:
        """In a batch all draws have one seed, and draws of one seed and question are alike."""
        same = self.drawn and any(isinstance(other, Ask) and other.x == self.x for other in others)
        return super().goes_with(others) and not same

    def piece(self, text: str) -> None:
        """The next piece of the answer."""
        self.tell(text)

    def end(self, tokens: int, *, finished: bool) -> None:
        """The answer is over."""
        self.tell(Ended(tokens, finished))

    @classmethod
    def do(cls, run: Run, works: Sequence[Ask]) -> Sequence[Work]:
        """Answer together what has evidence enough, and fits into a prompt."""
        pipeline, decoding = run.pipeline, works[0].decoding
        if works[0].drawn:
            decoding = replace(decoding, seed=secrets.randbelow(2**31))
        generator, decoder, search = pipeline.generator, decoding.decoder, decoding.chosen()
        assert isinstance(generator, LanguageModel)
        some: list[tuple[Ask, Sequence[Retrieved]]] = []
        for ask, hs in zip(works, pipeline.retrieve([ask.x for ask in works], decoding.passages), strict=True):
            if pipeline.declines(hs):
                ask._decline(hs)
                continue
            try:
                ask.tell(Found(hs, False, _prompt_tokens(generator, decoder, ask.x, hs)))
                some.append((ask, hs))
            except InputError as error:  # this question alone is too long
                ask.tell(error)
        asks, xs, found = [ask for ask, _ in some], [ask.x for ask, _ in some], [hs for _, hs in some]
        if not asks:
            return ()
        if isinstance(decoder, Direct) and search.width == 1:
            decoder.follow_all(generator, xs, found, search, asks)
        else:  # the answer is known only at the end
            for ask, answer in zip(asks, decoder(generator, xs, found, search), strict=True):
                generator.reread(answer.text, ask)
        return ()

    def _decline(self, hs: Sequence[Retrieved]) -> None:
        self.tell(Found(hs, True, 0))
        self.piece(DECLINED)
        self.end(0, finished=True)


def _prompt_tokens(generator: LanguageModel, decoder: Decoder, x: str, hs: Sequence[Retrieved]) -> int:
    parts = decoder.mixture(x, hs).parts if isinstance(decoder, Direct) else [(h.passage,) for h in hs]
    room = generator.config.max_new_tokens
    return sum(len(generator.prompt.context(x, passages, room=room)) for passages in parts)


class Retrieve(Work):
    """The passages of one question: a list of `Retrieved`."""

    def __init__(self, x: str, k: int, weights: Weights) -> None:
        super().__init__()
        self.x, self.k, self.weights = x, k, weights

    @property
    def kind(self) -> Hashable:
        """So many passages of one retriever."""
        return Retrieve, self.k, self.weights

    @classmethod
    def do(cls, run: Run, works: Sequence[Retrieve]) -> Sequence[Work]:
        """Search together; the untrained retriever is loaded when it is first asked for."""
        retriever: Retriever = run.pipeline.retriever if works[0].weights == "trained" else run.untrained
        for work, hs in zip(works, retriever.retrieve([work.x for work in works], works[0].k), strict=True):
            work.tell(hs)
        return ()


class Embed(Work):
    """Vectors of some texts: a tensor ``[texts, dimensions]``, and the tokens that were read."""

    def __init__(self, texts: Sequence[str], task: Task) -> None:
        super().__init__()
        self.texts, self.task = texts, task
        self._begin(None)

    def _begin(self, run: Run | None) -> None:
        self._run, self._vectors, self._tokens = run, list[Tensor](), 0

    @property
    def kind(self) -> Hashable:
        """Questions or passages."""
        return Embed, self.task

    @classmethod
    def do(cls, run: Run, works: Sequence[Embed]) -> Sequence[Work]:
        """Embed the next few texts of each."""
        encoder, kb = run.pipeline.prior, run.pipeline.kb
        assert isinstance(encoder, SentenceEncoder)
        for work in works:
            if work._run is not run:  # vectors of one request are of one encoder
                work._begin(run)
        parts = [work.texts[sum(map(len, work._vectors)) :][:SLICE] for work in works]
        texts = [text for part in parts for text in part]
        if works[0].task == "query":
            vectors, lengths = encoder.embed_queries(texts), encoder.query_lengths(texts)
        else:
            passages = [Passage("", "", text) for text in texts]
            vectors, lengths = encoder.embed_passages(passages), encoder.passage_lengths(passages)
        found = kb.comparable(vectors).cpu()
        again: list[Work] = []
        begin = 0
        for work, part in zip(works, parts, strict=True):
            end = begin + len(part)
            work._vectors.append(found[begin:end])
            work._tokens += sum(lengths[begin:end])
            begin = end
            if sum(map(len, work._vectors)) < len(work.texts):
                again.append(work)
            else:
                work.tell((torch.cat(work._vectors), work._tokens))
        return again
