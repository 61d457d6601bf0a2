"""Texts to tokens as the model's own tokenizer makes them; what a user wrote never becomes a control token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from jsarag.models.marks import encode_marked, unmarked, with_marks

PROBE = "a"
"""A text that every tokenizer knows."""


class Part(NamedTuple):
    """A piece of a text, and whether a user wrote it or a template."""

    text: str
    user: bool


class Tokens:
    """One tokenizer of transformers.

    A text is tokenised whole: of pieces that are tokenised apart, many tokenizers make other tokens (a space before
    each piece, a word that goes on over the cut).

    Attributes:
        before: Tokens that the tokenizer puts before a text by itself, such as the beginning of sequence.
        after: Tokens that it puts after a text by itself.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._control = control_tokens(tokenizer)
        self.before, self.after = self.around(tokenizer(PROBE).input_ids, tokenizer)

    def join(self, parts: Sequence[Part]) -> tuple[str, bool]:
        """The text of all parts, and whether marks stand in it.

        Marks (`jsarag.models.marks`) stand around what looks like a control token and is a user's, be it in part.
        """
        text = "".join(part.text for part in parts)
        ends = list(accumulate(len(part.text) for part in parts))
        users = [(end - len(part.text), end) for part, end in zip(parts, ends, strict=True) if part.user]
        marked = False

        def mark(found: re.Match[str]) -> str:
            nonlocal marked
            if not any(start < found.end() and found.start() < end for start, end in users):
                return found[0]
            marked = True
            return with_marks(found[0])

        return self._control.sub(mark, text), marked

    def __call__(self, text: str, marked: bool = False) -> list[int]:
        """Tokens of ``text`` alone: nothing before and after it; control tokens only where no mark stands."""
        if not marked:
            return list(self.tokenizer(text, add_special_tokens=False).input_ids)
        try:
            return encode_marked(self.tokenizer, text)
        except ValueError:
            # A tokenizer that makes the control token of any text that reads so, unless a blank is in it.
            return list(self.tokenizer(unmarked(text), add_special_tokens=False).input_ids)

    def target(self, text: str, marked: bool) -> tuple[list[int], list[int], list[int]]:
        """Tokens of ``text`` for a decoder, and what the tokenizer puts before and after them."""
        before, after = self.around(self.tokenizer(text_target=PROBE).input_ids, self.tokenizer)
        if marked:
            return list(before), self(text, marked), list(after)
        tokens = list(self.tokenizer(text_target=text).input_ids)
        return list(before), tokens[len(before) : len(tokens) - len(after)], list(after)

    def cut(self, parts: Sequence[Part], tokens: int) -> tuple[Part, ...]:
        """``parts`` without about so many tokens at their end, in any case shorter; none where nothing is left."""
        text = "".join(part.text for part in parts)
        ends = self._ends(text)
        length = next((end for end in ends[: max(len(ends) - tokens, 0)][::-1] if end < len(text)), 0)
        kept: list[Part] = []
        for part in parts:
            kept.append(Part(part.text[:length], part.user))
            length -= len(kept[-1].text)
        return tuple(part for part in kept if part.text)

    def _ends(self, text: str) -> list[int]:
        """Where each token of ``text`` ends, in characters."""
        if self.tokenizer.is_fast:
            found = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            return [int(end) for _, end in found.offset_mapping]
        count = len(self(text))
        return [len(text) * (i + 1) // count for i in range(count)]

    @staticmethod
    def around(tokens: list[int], tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What stands before and after `PROBE` in ``tokens``."""
        inner = list(tokenizer(PROBE, add_special_tokens=False).input_ids)
        for i in range(len(tokens) - len(inner) + 1):
            if tokens[i : i + len(inner)] == inner:
                return tuple(tokens[:i]), tuple(tokens[i + len(inner) :])
        return (), ()


def control_tokens(tokenizer: Any) -> re.Pattern[str]:
    """Special tokens, and those that the makers say to be control tokens or write in their chat template."""
    named = getattr(tokenizer, "chat_control_tokens", None)
    templates = tokenizer.chat_template or ""
    written = " ".join(templates.values()) if isinstance(templates, dict) else str(templates)
    found = {
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if token.special
        or (token.content in named if named is not None else token.content in written and not token.content.isspace())
    }
    return re.compile("|".join(re.escape(token) for token in sorted(found, key=len, reverse=True)) or "(?!)")
