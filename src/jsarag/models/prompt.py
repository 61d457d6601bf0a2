"""The generator's prompt: a template around question and passage, in tokens, within a length limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from string import Formatter
from typing import Any, Literal, TypeVar

from jsarag.checks import has_fields, has_marks, one_of, positive, require
from jsarag.models.chat import Chat
from jsarag.models.tokens import PROBE, Part, Tokens
from jsarag.models.turns import Turns
from jsarag.types import InputError, Passage

Found = TypeVar("Found")

_MARKS = re.compile(r"\{(input|passage)\}")

CACHED = 4096
"""Prompts and answers whose tokens are kept: within a step the same are asked for several times."""

Body = tuple[Part, ...]
"""A passage as it is written into a prompt."""

Order = Literal["retrieved", "reversed", "random"]
ORDERS: dict[Order, Callable[[list[Body], str], list[Body]]] = {
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
        passage: How a passage is written, from its {title} and {text}; what stands around an empty title stays.
        separator: Text between passages, where there are several.
        chat: Wrap the prompt in the model's own chat template; null: where it has one.
        chat_options: Variables of the chat template, such as {enable_thinking: false} for Qwen3.
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
    chat_options: dict[str, str | bool | int | float] = field(default_factory=dict)
    order: Order = "retrieved"
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
    """Renders prompts and answers with one tokenizer; training and decoding see the same tokens. For many threads.

    Every text is rendered and tokenised whole, so that prompt and answer together are the tokens of the rendered text.

    Attributes:
        chat: The model's chat template, where prompts are wrapped in it.
        stops: Tokens that end an answer; the first is the one that answers are trained to end with.
    """

    def __init__(
        self,
        config: PromptConfig,
        tokenizer: Any,
        *,
        stops: Sequence[int] = (),
        start: int | None = None,
        two_part: bool = False,
    ) -> None:
        """Wrap ``tokenizer``, one of transformers.

        Args:
            config: The prompt.
            tokenizer: The model's own.
            stops: End tokens that the model's generation configuration lists.
            start: The token that the decoder of an encoder-decoder model starts with.
            two_part: Whether the prompt goes to an encoder and the answer to a decoder.

        Raises:
            InputError: a chat is wanted of a model without a chat template, a template that cannot be used, or a model
                without end token.
        """
        self.config = config
        self.tokenizer = tokenizer
        wanted = config.chat if config.chat is not None else bool(tokenizer.chat_template)
        require(
            not wanted or bool(tokenizer.chat_template), "generator.prompt.chat", "a model with a chat template", True
        )
        unused = "none, for the prompt is not wrapped in a chat template"
        require(wanted or not config.chat_options, "generator.prompt.chat_options", unused, config.chat_options)
        self.chat = Chat(tokenizer, config.chat_options) if wanted else None
        self._two_part, self._start = two_part, start
        self._tokens = Tokens(tokenizer)
        # What the template writes before an answer is part of the prompt, but for blanks: they begin a word's token.
        opening = self.chat.opening if self.chat else ""
        self._opening = opening if opening.strip() else ""
        self._blank = ""
        self._blank = self._boundary()
        # A prompt to tokenise answers after, and its tokens: every prompt ends alike.
        self._sample = "" if two_part else self._head()
        self._sample_tokens = self._tokens(self._sample)
        self._turns = Turns()
        self._answered = self._kept(self._answer)
        self._fitted = self._kept(self._fit)
        self._end = None if self.chat and self.chat.ends else self._end_token()
        known = (self.answer(PROBE)[-1], tokenizer.eos_token_id, *stops)
        self.stops = tuple(dict.fromkeys(int(token) for token in known if token is not None))

    def _kept(self, work: Callable[..., Found]) -> Callable[..., Found]:
        """``work``, its results kept; a thread that finds none there has the tokenizer alone."""

        def alone(*key: Any) -> Found:
            with self._turns:
                return work(*key)

        return lru_cache(maxsize=CACHED)(alone)

    def answer(self, y: str) -> list[int]:
        """Tokens of an answer, the end-of-answer token included: it is part of y."""
        return list(self._answered(y))

    def context(self, x: str, passages: Sequence[Passage], *, room: int) -> list[int]:
        """Tokens of the prompt for ``x`` with ``passages``, leaving ``room`` for the answer.

        The passages are given best first; none: closed book.

        Raises:
            InputError: the question and the room for the answer alone exceed ``max_length``.
        """
        return list(self._fitted(x, tuple(passages), room)[0])

    def read(self, x: str, passages: Sequence[Passage], *, room: int) -> tuple[Passage, ...]:
        """Those of ``passages`` that stand in `context`, be it in part: the rest does not fit.

        The null passage is among them only where there is no other.
        """
        real = [h for h in passages if not h.null]
        return tuple(real[: self._fitted(x, tuple(real), room)[1]] if real else passages)

    def _fit(self, x: str, passages: tuple[Passage, ...], room: int) -> tuple[tuple[int, ...], int]:
        """Tokens of the prompt, and how many of the passages it holds."""
        real = [h for h in passages if not h.null]  # the null passage is none
        key = " ".join([x, *(h.id for h in real)])
        bodies = [self._passage(h) for h in real]
        empty: list[Body] = [()]
        limit = self.config.max_length - room
        tokens = self._context(x, bodies, key)
        if len(tokens) > limit or (bodies and self.config.passage_length is not None):
            # Of a prompt without passages nothing can be left out.
            bare = self._context(x, empty if bodies else [], key)
            self._check_room(x, len(bare) + room, room)
            limit = min(limit, len(bare) + (self.config.passage_length or limit))
        while len(tokens) > limit:
            *others, last = bodies
            shorter = self._tokens.cut(last, len(tokens) - limit)
            # The first may be cut to nothing: a template has its place for passages anyway.
            bodies = [*others, shorter] if shorter or not others else others
            tokens = self._context(x, bodies, key)
        return tuple(tokens), len(bodies)

    def _passage(self, h: Passage) -> Body:
        fields = {"title": h.title, "text": h.text}
        parts: list[Part] = []
        for literal, name, how, conversion in Formatter().parse(self.config.passage):
            parts.append(Part(literal, user=False))
            if name:
                value = Formatter().convert_field(fields[name], conversion)
                parts.append(Part(format(value, how or ""), user=True))
        return tuple(parts)

    def _context(self, x: str, bodies: list[Body], key: str) -> list[int]:
        """Tokens of the prompt with passages that are written so; ``key`` is what a shuffle depends on."""
        tokens = self._tokens(*self._text(x, bodies, key))
        if self.chat:
            return tokens
        before, after = self._tokens.before, self._tokens.after if self._two_part else ()
        begun = before and tuple(tokens[: len(before)]) == before  # by a template that writes it out
        return [*(() if begun else before), *tokens, *after]

    def _text(self, x: str, bodies: list[Body], key: str) -> tuple[str, bool]:
        """The prompt up to where the tokens of an answer begin, and whether it holds marks."""
        body: list[Part] = []
        for i, one in enumerate(ORDERS[self.config.order](bodies, key)):
            body += [*([Part(self.config.separator, user=False)] if i else []), *one]
        fields = {"input": [Part(x, user=True)], "passage": body}
        parts: list[Part] = []
        # Every other piece is a mark: other braces are text.
        for i, piece in enumerate(_MARKS.split(self.config.template if bodies else self.config.no_passage)):
            parts += fields[piece] if i % 2 else [Part(piece, user=False)]
        content, marked = self._tokens.join(parts)
        text = self.chat.prompt(content) + self._opening if self.chat else content
        return text.removesuffix(self._blank), marked

    def _answer(self, y: str) -> tuple[int, ...]:
        """Tokens of an answer in the place where it stands in a text."""
        y, marked = self._tokens.join([Part(y, user=True)])
        end = () if self._end is None else (self._end,)
        if self._two_part and not self.chat:
            before, tokens, _ = self._tokens.target(y, marked)
            # A decoder that starts with the token that the tokenizer puts first has read it.
            return (*(() if before == [self._start] else before), *tokens, *end)
        return (*self._after(self._blank + self._reply(y), marked), *end)

    def _reply(self, y: str) -> str:
        """The text of an answer, as it follows that of the prompt."""
        if self.chat:
            return self.chat.answer(y).removeprefix(self._opening)
        # After "Answer:" a word begins with its space.
        return " " + y if y else ""

    def _after(self, reply: str, marked: bool) -> list[int]:
        """Tokens of what follows a prompt."""
        base, whole = self._sample_tokens, self._tokens(self._sample + reply, marked)
        # Where a token would reach over the boundary, which no decoder can follow, a reply is tokenised alone.
        return whole[len(base) :] if whole[: len(base)] == base else self._tokens(reply, marked)

    def _head(self) -> str:
        """Some prompt: every one ends alike."""
        return self._text(PROBE, [(Part(PROBE, user=True),)], "")[0]

    def _boundary(self) -> str:
        """Blanks at the end of every prompt that belong to the first token of an answer: "Answer: " and "word"."""
        head = self._head()
        whole = self._tokens(head + self._reply(PROBE))
        blank = head[len(head.rstrip()) :]
        base, shorter = self._tokens(head), self._tokens(head.removesuffix(blank))
        return blank if whole[: len(base)] != base and whole[: len(shorter)] == shorter else ""

    def _end_token(self) -> int:
        """The token after an answer, where no chat template says it."""
        own = self._tokens.after if self._two_part and not self.chat else ()
        found = [*own, self.tokenizer.eos_token_id][0]
        if found is None:
            raise InputError(
                "generator.model: expected a tokenizer with an end token, which every answer ends with; this one has "
                "no eos_token (tokenizer_config.json names it)"
            )
        return int(found)

    def _check_room(self, x: str, needed: int, room: int) -> None:
        if needed > self.config.max_length:
            raise InputError(
                f"generator.prompt.max_length: question and answer need {needed} tokens, {room} of them the answer, "
                f"more than the {self.config.max_length} allowed (question starts {x[:60]!r}); raise it, or shorten "
                "the question or the longest answer"
            )
