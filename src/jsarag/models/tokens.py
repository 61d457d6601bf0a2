"""Texts to tokens as the model's own tokenizer makes them; what a user wrote never becomes a control token."""

from __future__ import annotations

import re
from typing import Any

from transformers.utils.chat_template_utils import encode_marked_chat, mark_control_tokens

PROBE = "a"
"""A text that every tokenizer knows."""


class Tokens:
    """One tokenizer of transformers.

    A text is tokenised whole: of pieces that are tokenised apart, many tokenizers make other tokens (a space before
    each piece, a word that goes on over the cut).

    Attributes:
        before: Tokens that the tokenizer puts before a text by itself, such as the beginning of sequence.
        after: Tokens that it puts after a text by itself.
    """

    def __init__(self, tokenizer: Any) -> None:
        """Wrap ``tokenizer``."""
        self.tokenizer = tokenizer
        self._control = _control_tokens(tokenizer)
        self.before, self.after = self.around(tokenizer(PROBE).input_ids, tokenizer)

    def marked(self, text: str) -> str:
        """A text of a user with marks around what looks like a control token, for a text given to `__call__`.

        The marks are those that transformers' ``sanitize_control_tokens`` uses.
        """
        return str(mark_control_tokens(text, self._control)) if self._control.search(text) else text

    def __call__(self, text: str) -> list[int]:
        """Tokens of ``text`` alone: nothing before and after it; control tokens only where no mark stands."""
        if _MARK not in text:
            return list(self.tokenizer(text, add_special_tokens=False).input_ids)
        try:
            return list(encode_marked_chat(self.tokenizer, text))
        except ValueError:
            # A tokenizer that makes the control token of any text that reads so, unless a blank is in it.
            return list(self.tokenizer(_MARKED.sub(r"\1 \2", text), add_special_tokens=False).input_ids)

    def target(self, text: str) -> tuple[list[int], list[int], list[int]]:
        """Tokens of ``text`` for a decoder, and what the tokenizer puts before and after them."""
        before, after = self.around(self.tokenizer(text_target=PROBE).input_ids, self.tokenizer)
        if _MARK in text:
            return list(before), self(text), list(after)
        tokens = list(self.tokenizer(text_target=text).input_ids)
        return list(before), tokens[len(before) : len(tokens) - len(after)], list(after)

    def cut(self, text: str, tokens: int) -> str:
        """``text`` without about so many tokens at its end, in any case shorter."""
        ends = self._ends(text)
        return next((text[:end] for end in ends[: max(len(ends) - tokens, 0)][::-1] if end < len(text)), "")

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


def _control_tokens(tokenizer: Any) -> re.Pattern[str]:
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


_MARK, _END = mark_control_tokens(PROBE, re.compile(PROBE)).split(PROBE)
_MARKED = re.compile(f"{_MARK}(.)(.*?){_END}")
