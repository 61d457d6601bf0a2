"""Pairs and passages in tokens: how long they are, what of them is cut, and how the models read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jsarag.models.generator import GeneratorConfig
from jsarag.models.generator.load import load_prompt
from jsarag.models.prompt import Prompt
from jsarag.types import InputError, Passage

ENDLESS = 1 << 30
"""Tokens that no prompt has."""


@dataclass(frozen=True)
class Lengths:
    """Lengths of many texts in tokens, and how many of them are longer than a limit.

    Attributes:
        what: What was counted.
        option: The option that sets the limit.
        limit: The limit in tokens; None: there is none.
        counted: How many texts were counted.
        over: How many of them are longer than the limit.
        median: The length in the middle.
        most: The length that 95 of 100 do not exceed.
        longest: The greatest length.
    """

    what: str
    option: str
    limit: int | None
    counted: int
    over: int
    median: int
    most: int
    longest: int

    @classmethod
    def of(cls, what: str, option: str, limit: int | None, lengths: Sequence[int]) -> Lengths:
        """Sum up ``lengths``, of which there is at least one."""
        ranked = sorted(lengths)
        last = len(ranked) - 1
        over = 0 if limit is None else sum(length > limit for length in ranked)
        return cls(what, option, limit, len(ranked), over, ranked[last // 2], ranked[last * 95 // 100], ranked[-1])


@dataclass(frozen=True)
class Shown:
    """One pair as the generator reads it in training.

    Attributes:
        id: Of the pair.
        passage: Id of the passage in the prompt.
        prompt: The prompt, decoded from its tokens: control tokens stand as text.
        answer: The answer, likewise.
        prompt_tokens: Length of the prompt.
        answer_tokens: Length of the answer, the end token included.
        notes: What is cut or does not fit, a sentence each.
    """

    id: str
    passage: str
    prompt: str
    answer: str
    prompt_tokens: int
    answer_tokens: int
    notes: tuple[str, ...]


class Reader:
    """The generator's view of pairs, from its tokenizer alone."""

    def __init__(self, config: GeneratorConfig) -> None:
        """Load the tokenizer and the prompt of ``config``; no weight is read.

        Raises:
            InputError: there is no such model, or its prompt cannot be made.
        """
        self.config = config
        self._prompt = load_prompt(config)
        endless = replace(config.prompt, max_length=ENDLESS, passage_length=None)
        self._whole = load_prompt(replace(config, prompt=endless))

    def answer(self, y: str) -> int:
        """Tokens of an answer, the end token included."""
        return len(self._prompt.answer(y))

    def prompt(self, x: str, passage: Passage) -> int:
        """Tokens of the prompt with one passage, before anything is cut."""
        return len(self._whole.context(x, [passage], room=0))

    def show(self, name: str, x: str, y: str, passage: Passage) -> Shown:
        """One pair with one passage as training reads it."""
        answer, notes, most = self._prompt.answer(y), [], self.config.max_new_tokens
        try:
            context = self._prompt.context(x, [passage], room=len(answer))
        except InputError as error:
            return Shown(name, passage.id, "", y, 0, len(answer), (str(error),))
        if cut := self.prompt(x, passage) - len(context):
            notes.append(f"{cut:,} tokens at the end of the passage do not fit into the prompt")
        if len(answer) > most:
            notes.append(f"the generator writes at most {most:,} tokens: it cannot write this answer to its end")
        text = _text(self._prompt, context), _text(self._prompt, answer)
        return Shown(name, passage.id, *text, len(context), len(answer), tuple(notes))


def _text(prompt: Prompt, tokens: Sequence[int]) -> str:
    text: str = prompt.tokenizer.decode(tokens)
    return text
