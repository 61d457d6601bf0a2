"""How many tokens a passage has for the retriever that will read it; knows its tokenizer alone, and no model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jsarag.types import InputError, Passage

if TYPE_CHECKING:
    from jsarag.models.encoder.sentence_encoder import SentenceEncoder

USUAL = 512
"""Tokens of the longest passage where the encoder reads more: a generator reads several passages whole."""
LEAST = 16
_TITLE, _TEXT = "\ue000", "\ue001"


@dataclass(frozen=True)
class Measure:
    """Counts tokens as an encoder does.

    Attributes:
        tokenizer: Of the encoder, as JSON of the library `tokenizers`.
        titled: What the encoder reads of a passage, with marks for its title and its text.
        untitled: The same of a passage without a title.
        extra: Tokens that its processor adds beyond these.
        limit: Tokens of the longest passage.
    """

    tokenizer: str
    titled: str
    untitled: str
    extra: int
    limit: int

    @classmethod
    def of(cls, encoder: SentenceEncoder, tokens: int | None = None) -> Measure:
        """That of an encoder; ``tokens``: the longest passage, default: what the encoder reads, at most `USUAL`.

        Raises:
            InputError: more tokens than the encoder reads, too few for a passage, or a tokenizer of another library.
        """
        most = encoder.passage_limit
        if tokens is not None and not LEAST <= tokens <= (most or tokens):
            reads = f" to the {most} that {encoder.config.model} reads" if most else " up"
            raise InputError(f"--tokens: expected {LEAST}{reads}, got {tokens}")
        tokenizer = encoder.tokenizer_json()
        if tokenizer is None:
            raise InputError(f"encoder.model: the tokenizer of {encoder.config.model} is not one of `tokenizers`")
        titled, untitled = (encoder.passage_text(Passage("", title, _TEXT)) for title in (_TITLE, ""))
        bare = cls(tokenizer, titled, untitled, 0, tokens or min(most or USUAL, USUAL))
        probe = Passage("", "A title", "Some words.")
        return replace(bare, extra=encoder.passage_lengths([probe])[0] - bare.count(probe.title, probe.text))

    def count(self, title: str, text: str) -> int:
        """Tokens of a passage as the encoder reads it."""
        form = self.titled.replace(_TITLE, title) if title else self.untitled
        return len(self._tokenizer.encode(form.replace(_TEXT, text))) + self.extra

    def fits(self, title: str, text: str) -> bool:
        """Whether a passage is not too long."""
        return self.count(title, text) <= self.limit

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.tokenizer)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
