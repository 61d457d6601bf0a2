"""Marks around what only looks like a control token, and the tokens of a text that holds them.

transformers does the same for chats (``sanitize_control_tokens``), but from 5.24 on alone, with which neither vLLM nor
Unsloth can be installed. The tests hold `encode_marked` equal to transformers' where both are there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

START, END = "\U000f0000", "\U000f0001"
"""Private characters, those of transformers."""


def with_marks(token: str) -> str:
    """``token`` as a text that is no control token."""
    return f"{START}{token}{END}"


def unmarked(text: str) -> str:
    """``text`` with a blank after the first character of each marked token, and without its marks."""
    return re.sub(f"{START}(.)(.*?){END}", r"\1 \2", text)


def encode_marked(tokenizer: Any, text: str) -> list[int]:
    """Tokens of ``text``: of a marked token those of its letters; a mark without its other half only parts the text.

    Raises:
        ValueError: a tokenizer that makes the control token of any text that reads so.
    """
    # Text and marked token take turns; None stands for the token of a mark that is alone.
    pieces = _marks(tuple(tokenizer.added_tokens_encoder)).split(text)
    tokens = list(tokenizer.encode(pieces[0], add_special_tokens=False))
    for i, piece in enumerate(pieces[1:], start=1):
        if not piece:
            continue
        marked = i % 2 == 1
        found = _inner(tokenizer, piece, marked)
        if marked and tokenizer.convert_tokens_to_ids(piece) in found:
            raise ValueError(f"{piece!r} is a control token to this tokenizer, however it is written")
        tokens += found
    return tokens


def _inner(tokenizer: Any, piece: str, marked: bool) -> list[int]:
    """Tokens of a piece from the middle of a text: behind a line break, so that none is put a space before."""
    line = list(tokenizer.encode("\n", add_special_tokens=False))
    tokens = _letters(tokenizer, f"\n{piece}") if marked else tokenizer.encode(f"\n{piece}", add_special_tokens=False)
    if tokens[: len(line)] == line:
        return list(tokens[len(line) :])
    return list(_letters(tokenizer, piece) if marked else tokenizer.encode(piece, add_special_tokens=False))


def _letters(tokenizer: Any, text: str) -> list[int]:
    """Tokens of ``text`` where no added token is looked for, special or not."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return list(tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))
    if backend.normalizer is not None:
        text = backend.normalizer.normalize_str(text)
    words = [text]
    if backend.pre_tokenizer is not None:
        words = [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(text)]
    return [token.id for word in words for token in backend.model.tokenize(word)]


@lru_cache
def _marks(added: tuple[str, ...]) -> re.Pattern[str]:
    """An added token between marks (the longest that fits), or a mark alone."""
    tokens = "|".join(re.escape(token) for token in sorted(added, key=len, reverse=True)) or "(?!)"
    return re.compile(f"{START}({tokens}){END}|[{START}{END}]")
