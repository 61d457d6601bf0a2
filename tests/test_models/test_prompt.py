"""Prompts and answers in tokens, with a tokenizer to which spaces are tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from jsarag.models import PromptConfig
from jsarag.models.decode import text_of
from jsarag.models.prompt import Prompt
from jsarag.models.reader import Pieces
from tests import tiny


@pytest.fixture(scope="module")
def characters() -> Any:
    """A token for each byte, and no others."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate([*alphabet, "</s>"])}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>")  # type: ignore[no-untyped-call]


def test_an_answer_begins_with_its_space_and_the_empty_one_is_its_end(characters: Any) -> None:
    prompt, end = Prompt(PromptConfig(), characters), characters.eos_token_id
    assert characters.decode(prompt.answer("ab")[:-1]) == " ab"
    assert prompt.answer("ab")[-1] == end
    assert prompt.answer("") == [end]


def test_pieces_are_the_text_where_the_tokenizer_would_clean_it_up(tmp_path: Path) -> None:
    words = tiny.tokenizer(tmp_path, words="it ' s here .")
    words.clean_up_tokenization_spaces = True
    tokens, told = words("it ' s here .", add_special_tokens=False).input_ids, list[str]()
    pieces = Pieces(words, told.append)
    for token in tokens:
        pieces(token)
    assert "".join(told) == text_of(words, tokens) == "it ' s here ."
