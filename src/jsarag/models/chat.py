"""A model's chat template: the text of a user's turn, and of the assistant's that answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsarag.models.tokens import control_tokens
from jsarag.types import InputError

# Texts that survive any template and that no user writes.
_USER, _ASSISTANT = "\ufdd0user\ufdd0", "\ufdd0assistant\ufdd0"


class Chat:
    """How the template of a tokenizer writes a turn of the user and a turn of the assistant.

    Whatever a template has done to a text (stripped it, put a space before it), it does here too: each turn is rendered
    by the template itself.

    Attributes:
        ends: Whether the assistant's turn ends with a control token of the template; it is the last of `answer`.
    """

    def __init__(self, tokenizer: Any, options: Mapping[str, Any]) -> None:
        """Learn the structure of the template of ``tokenizer``, rendered with ``options`` such as enable_thinking.

        Raises:
            InputError: a template that cannot be rendered, or that drops or doubles a message.
        """
        self._tokenizer = tokenizer
        self._options = dict(options)
        prompt, whole = self.prompt(_USER), self._render(_USER, _ASSISTANT)
        for text, message in ((prompt, _USER), (whole, _USER), (whole, _ASSISTANT)):
            if text.count(message) != 1:
                times = "drops it" if message not in text else "writes it more than once"
                raise InputError(
                    "generator.prompt.chat: expected a chat template that writes a message, given as text, once; the "
                    f"model's {times} (set generator.prompt.chat to false to do without)"
                )
        # A template whose prompt is not how its own turn begins says two things; what it prompts with is taken.
        turn = whole.removeprefix(prompt) if whole.startswith(prompt) else whole[whole.index(_ASSISTANT) :]
        self.opening, trail = turn.split(_ASSISTANT)
        control = control_tokens(tokenizer).search(trail)
        self.ends = control is not None
        self._closing = trail[: control.end()] if control else trail.rstrip()
        self._dropped = trail[len(self._closing) :]

    def prompt(self, content: str) -> str:
        """The user's turn, and the beginning of the assistant's that the template prompts with."""
        return self._render(content)

    def answer(self, y: str) -> str:
        """What follows `prompt` in the template's own text, `opening` included, to the end of the assistant's turn.

        What a template writes between turns is left out: nobody reads on after the end token.
        """
        prompt, whole = self.prompt(_USER), self._render(_USER, y)
        turn = whole.removeprefix(prompt)
        if whole.startswith(prompt) and turn.startswith(self.opening) and turn.endswith(self._closing + self._dropped):
            return turn.removesuffix(self._dropped)
        return self.opening + y + self._closing

    def _render(self, *contents: str) -> str:
        turns = [{"role": r, "content": c} for r, c in zip(("user", "assistant"), contents, strict=False)]
        try:
            text = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=len(turns) == 1, **self._options
            )
        except Exception as error:  # a template is a program of its makers, and may raise anything
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"generator.prompt.chat: the model's chat template cannot be rendered: {reason}") from None
        return str(text)
