"""The tables of docs/models.md: ``python -m tests.families.table`` prints them.

Each entry is what the code does for a family; `tests/test_models` proves it against transformers and PEFT.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from transformers import AutoConfig

from jsarag.models.prompt import Prompt, PromptConfig
from jsarag.models.roads import UNTRAINED, Roads, roads
from jsarag.types import InputError
from tests.families import causal, chat, seq2seq, tokenizers
from tests.families.build import Builder
from tests.families.reference import NO_TRUTH

QUICK, PLAIN = "quick", "plain"
LENGTH = 512  # of prompts, by default


def family_table(families: Mapping[str, Builder]) -> str:
    """One row a family: the road of each of its jobs."""
    rows = [[name, *_jobs(found)] for name, found in _roads(families) if name not in {*NO_TRUTH, *UNTRAINED}]
    return _markdown(["family", "scores", "common beginning of prompts", "decoding", "adapters"], rows)


def tokenizer_table() -> str:
    """One row a kind of tokenizer: its tokens of a short text, and what ends an answer."""
    rows = []
    for kind in tokenizers.KINDS:
        tokenizer = tokenizers.build(kind)
        try:
            end = tokenizer.convert_ids_to_tokens(Prompt(PromptConfig(chat=False), tokenizer).stops[0])
        except InputError:
            end = "refused: no end token"
        tokens = " ".join(tokenizer.convert_ids_to_tokens(tokenizer("Ada Tib").input_ids))
        rows.append([kind, f"`{tokens}`", end if end.startswith("refused") else f"`{end}`"])
    return _markdown(["tokenizer", 'its tokens of "Ada Tib"', "end of an answer without a chat template"], rows)


def template_table() -> str:
    """One row a chat template: the tokenizer it belongs to, and what ends the assistant's turn."""
    rows = [[name, found.kind, f"`{found.end}`"] for name, found in chat.CHAT_TEMPLATES.items()]
    return _markdown(["chat template", "tokenizer", "end of the assistant's turn"], rows)


def tables() -> Iterator[str]:
    """All of them, in the order of the page."""
    yield family_table(causal.FAMILIES)
    yield family_table(seq2seq.FAMILIES)
    yield tokenizer_table()
    yield template_table()


def _roads(families: Mapping[str, Builder]) -> Iterator[tuple[str, Roads]]:
    for name, build in families.items():
        with tempfile.TemporaryDirectory() as folder:
            yield name, roads(AutoConfig.from_pretrained(build(Path(folder))), LENGTH)


def _jobs(found: Roads) -> list[str]:
    return [
        QUICK if found.padded else PLAIN,
        QUICK if found.prefix else PLAIN,
        QUICK if found.cached else PLAIN,
        "equal to PEFT",
    ]


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    print("\n\n".join(tables()))
