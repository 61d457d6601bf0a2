"""The generator's prompt: a template around question and passage, in tokens, within a length limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any, Literal

from jsarag.config import has_fields, has_marks, one_of, positive, require
from jsarag.types import InputError, Passage

# Marks that survive any chat template and that no text of a user holds.
_PASSAGE, _INPUT = "\ue000passage\ue000", "\ue000input\ue000"


Tokens = tuple[int, ...]

ORDERS: dict[str, Callable[[list[Tokens], str], list[Tokens]]] = {
    "retrieved": lambda passages, key: passages,
    "reversed": lambda passages, key: passages[::-1],
    "random": lambda passages, key: Random(key).sample(passages, len(passages)),
}
"""Ways to arrange passages, best first, in one prompt; a shuffle depends on the text ``key``."""


@dataclass(frozen=True)
class PromptConfig:
    """How x and h become the generator's context.

    Attributes:
        template: Text with {passage} and {input}; several passages stand one after the other. With long inputs and
            short passages, as in dialogs, training is faster where {input} comes first: it is then read once for all
            passages.
        no_passage: Text with {input}, used where there is no passage (closed book).
        passage: How a passage is written, from its {title} and {text}.
        separator: Text between passages, where there are several.
        chat: Wrap the prompt in the model's own chat template; null: where it has one.
        order: Where several passages stand in one prompt, how: as retrieved (best first), reversed (best next to what
            follows), or random (shuffled, for a question and its passages always alike).
        max_length: Tokens of prompt and answer together. The end of the passages is cut to fit, never the
            question or the answer; of several, the last retrieved go first, in whatever order they stand.
        passage_length: Tokens of the passages together; null: what ``max_length`` leaves.
    """

    template: str = "{passage}\n\nAnswer with a few words from the text above.\nQuestion: {input}\nAnswer:"
    no_passage: str = "Answer with a few words.\nQuestion: {input}\nAnswer:"
    passage: str = "{title}: {text}"
    separator: str = "\n\n"
    chat: bool | None = None
    order: Literal["retrieved", "reversed", "random"] = "retrieved"
    max_length: int = 512
    passage_length: int | None = None

    def __post_init__(self) -> None:
        has_marks("generator.prompt.template", self.template, ("passage", "input"))
        has_marks("generator.prompt.no_passage", self.no_passage, ("input",))
        has_fields("generator.prompt.passage", self.passage, ("text",), ("title",))
        one_of("generator.prompt.order", self.order, ORDERS)
        positive("generator.prompt.max_length", self.max_length)
        fits = self.passage_length is None or 0 < self.passage_length < self.max_length
        below = f"a number above 0 and below max_length ({self.max_length}), or null"
        require(fits, "generator.prompt.passage_length", below, self.passage_length)


class Prompt:
    """Renders prompts with one tokenizer.

    The pieces (before the passage, the passage, between, the input, after) are tokenised apart and joined, so that a
    passage is tokenised once however many questions meet it, and training and decoding see the same tokens.
    """

    def __init__(self, config: PromptConfig, tokenizer: Any) -> None:
        """Wrap ``tokenizer``, one of transformers."""
        self.config = config
        self.tokenizer = tokenizer
        self.chat = config.chat if config.chat is not None else bool(tokenizer.chat_template)
        require(
            not self.chat or bool(tokenizer.chat_template),
            "generator.prompt.chat",
            "a model with a chat template",
            True,
        )
        self._tokens = lru_cache(maxsize=65_536)(self._tokenise)
        self._input_first = config.template.index("{input}") < config.template.index("{passage}")
        marks = (_INPUT, _PASSAGE) if self._input_first else (_PASSAGE, _INPUT)
        self._before, self._between, self._after = self._pieces(config.template, *marks)
        self._open, self._close = self._pieces(config.no_passage, _INPUT)

    def answer(self, y: str) -> list[int]:
        """Tokens of an answer, the end-of-answer token included: it is part of y."""
        # After "Answer:" a word begins with its space; a chat template ends at a new line.
        return [*self._tokens(y if self.chat or not y else " " + y), int(self.tokenizer.eos_token_id)]

    def context(self, x: str, passages: Sequence[Passage], *, room: int) -> list[int]:
        """Tokens of the prompt for ``x`` with ``passages``, leaving ``room`` for the answer.

        The passages are given best first; none: closed book.

        Raises:
            InputError: the question and the room for the answer alone exceed ``max_length``.
        """
        passages = [h for h in passages if not h.null]  # the null passage is none
        if not passages:
            fixed = [*self._open, *self._tokens(x), *self._close]
            self._room(x, room + len(fixed))
            return fixed
        body = self._body(x, passages, room)
        first, second = (self._tokens(x), body) if self._input_first else (body, self._tokens(x))
        return [*self._before, *first, *self._between, *second, *self._after]

    def read(self, x: str, passages: Sequence[Passage], *, room: int) -> tuple[Passage, ...]:
        """Those of ``passages`` that stand in `context`, be it in part: the rest does not fit.

        The null passage is among them only where there is no other.
        """
        real = [h for h in passages if not h.null]
        return tuple(real[: len(self._kept(x, real, room))] if real else passages)

    def _body(self, x: str, passages: Sequence[Passage], room: int) -> list[int]:
        """Tokens of the passages in their order."""
        kept, separator = self._kept(x, passages, room), self._separator(passages)
        body: list[int] = []
        for i, tokens in enumerate(ORDERS[self.config.order](kept, " ".join([x, *(h.id for h in passages)]))):
            body += [*(separator if i else ()), *tokens]
        return body

    def _kept(self, x: str, passages: Sequence[Passage], room: int) -> list[Tokens]:
        """Tokens of each passage that fits, best first, cut from the end of the last retrieved."""
        left = self._room(x, room + sum(map(len, (self._before, self._between, self._tokens(x), self._after))))
        budget, separator = min(left, self.config.passage_length or left), self._separator(passages)
        kept: list[Tokens] = []
        for h in passages:
            left = budget - sum(map(len, kept)) - len(separator) * len(kept)
            # The first may be cut to nothing: a template has its place for passages anyway.
            if kept and left <= 0:
                break
            kept.append(self._tokens(self.config.passage.format(title=h.title, text=h.text))[:left])
        return kept

    def _separator(self, passages: Sequence[Passage]) -> Tokens:
        return self._tokens(self.config.separator) if len(passages) > 1 else ()

    def _room(self, x: str, needed: int) -> int:
        left = self.config.max_length - needed
        if left < 0:
            raise InputError(
                f"generator.prompt.max_length: question and answer need {needed} tokens, more than the "
                f"{self.config.max_length} allowed (question starts {x[:60]!r}); raise it or shorten the history"
            )
        return left

    def _tokenise(self, text: str) -> Tokens:
        return tuple(self.tokenizer(text, add_special_tokens=False).input_ids)

    def _pieces(self, template: str, *marks: str) -> list[list[int]]:
        """Tokens before, between and after the marks of the rendered template."""
        text = template.replace("{passage}", _PASSAGE).replace("{input}", _INPUT)
        if self.chat:
            turn = [{"role": "user", "content": text}]
            text = self.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        pieces = []
        for mark in marks:
            piece, text = text.split(mark)
            pieces.append(list(self._tokenise(piece)))
        pieces.append(list(self._tokenise(text)))
        bos = self.tokenizer.bos_token_id
        if not self.chat and bos is not None and self.tokenizer("").input_ids[:1] == [bos]:
            pieces[0].insert(0, bos)
        return pieces
