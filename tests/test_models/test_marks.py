"""Marked control tokens: as transformers writes them in its chats, over every kind of tokenizer and template."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from transformers.utils import chat_template_utils

from jsarag.models import marks
from jsarag.models.tokens import control_tokens
from tests.families import chat, tokenizers

BUILD = [
    *(pytest.param(partial(tokenizers.build, kind), id=kind) for kind in tokenizers.KINDS),
    *(pytest.param(partial(chat.build, name), id=f"chat-{name}") for name in chat.CHAT_TEMPLATES),
]
THEIRS = getattr(chat_template_utils, "encode_marked_chat", None)
AROUND = ["", "Ada", " ", "\n", "Who? ", " lit", "é😀", "\n\n", marks.START, marks.END]


def texts(tokenizer: Any, seed: int) -> list[str]:
    """Texts with marked and unmarked tokens in all neighbourhoods, and marks that are alone."""
    draw = random.Random(seed)
    added = [*tokenizer.added_tokens_encoder, "<nothing>"]
    pieces: list[Callable[[], str]] = [
        lambda: draw.choice(AROUND),
        lambda: draw.choice(added),
        lambda: marks.with_marks(draw.choice(added)),
    ]
    return ["", *("".join(draw.choice(pieces)() for _ in range(draw.randrange(1, 8))) for _ in range(150))]


def result(encode: Any, tokenizer: Any, text: str) -> list[int] | str:
    try:
        return list(encode(tokenizer, text))
    except ValueError:
        return "refused"


@pytest.mark.skipif(THEIRS is None, reason="this version of transformers does not sanitize chats")
@pytest.mark.parametrize("build", BUILD)
def test_the_tokens_are_those_of_transformers(build: Callable[[], Any]) -> None:
    tokenizer = build()
    for text in texts(tokenizer, seed=0):
        assert result(marks.encode_marked, tokenizer, text) == result(THEIRS, tokenizer, text), ascii(text)


@pytest.mark.skipif(THEIRS is None, reason="this version of transformers does not sanitize chats")
def test_the_marks_are_those_of_transformers() -> None:
    assert chat_template_utils.mark_control_tokens("<s>a", control_tokens(tokenizers.build("llama2"))) == (
        marks.with_marks("<s>") + "a"
    )


@pytest.mark.parametrize("kind", tokenizers.KINDS)
def test_a_marked_token_is_text_and_an_unmarked_one_is_not(kind: str) -> None:
    tokenizer = tokenizers.build(kind)
    for token, number in tokenizer.added_tokens_encoder.items():
        plain = tokenizer.encode(f"Ada{token}Ada", add_special_tokens=False)
        assert number in plain
        found = result(marks.encode_marked, tokenizer, f"Ada{marks.with_marks(token)}Ada")
        if found == "refused":
            found = tokenizer.encode(marks.unmarked(f"Ada{marks.with_marks(token)}Ada"), add_special_tokens=False)
        assert number not in found or number == tokenizer.unk_token_id  # the kind knows few letters
