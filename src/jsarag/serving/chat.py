"""OpenAI's chat completions: what is asked, and the shapes of what is answered."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from jsarag.data import last_question, render
from jsarag.data.history import HistoryConfig
from jsarag.pipeline import DecodingConfig
from jsarag.serving.errors import RefusedError
from jsarag.serving.work import Ask, Ended, Found
from jsarag.types import Retrieved

MEANT = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "tools": [],
    "functions": [],
    "tool_choice": "none",
    "function_call": "none",
    "response_format": {"type": "text"},
    "modalities": ["text"],
    "audio": None,
    "prediction": None,
}
"""Fields that would change the answer and cannot, with the value that changes nothing; any other value is refused."""


ROLES = ("user", "assistant", "system", "developer")
"""Of messages; those of the last two are left out."""


class Part(BaseModel):
    """A part of a message."""

    type: str
    text: str | None = None


class Message(BaseModel):
    """A turn of the dialog."""

    role: str
    content: str | list[Part] | None = None


class StreamOptions(BaseModel):
    """What a stream tells beside the answer."""

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A chat completion that is asked for; further fields that would not change the answer are ignored."""

    model_config = ConfigDict(extra="allow")

    messages: list[Message]
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: str | list[str] | None = None

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises:
            RefusedError: a field that would change the answer.
        """
        for name, usual in MEANT.items():
            value = (self.model_extra or {}).get(name)
            if value is not None and value != usual:
                raise RefusedError(
                    400, f"{name}: not supported; leave it out", param=name, code="unsupported_parameter"
                )
        if len(self.stops) > 4 or "" in self.stops:
            raise RefusedError(400, "stop: expected up to 4 texts that are not empty", param="stop")

    @property
    def stops(self) -> list[str]:
        """Texts before which the answer ends."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def longest(self) -> int | None:
        """Tokens of the answer at most."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens

    def decoding(self, usual: DecodingConfig) -> DecodingConfig:
        """How to answer: as the run does; with a temperature above 0, or where the run draws, by a draw."""
        if not self.temperature and usual.search != "sample":
            return usual
        drawn = usual if usual.search == "sample" else replace(usual, search="sample", beams=None)
        if self.temperature:
            drawn = replace(drawn, temperature=self.temperature)
        if self.top_p is not None:
            drawn = replace(drawn, top_p=self.top_p)
        seed = usual.seed if self.seed is None else self.seed % 2**63
        return replace(drawn, seed=seed)


def input_of(messages: Sequence[Message], history: HistoryConfig) -> str:
    """The x of a dialog, whose last message asks. Instructions are left out: the prompt of a run holds its own.

    Raises:
        RefusedError: a message that is no text, or of another role than those of a dialog.
        InputError: no question at the end.
    """
    said = [(message.role, _text(message, f"messages[{i}]")) for i, message in enumerate(messages)]
    return render(last_question(said, "messages"), history)


def _text(message: Message, place: str) -> str:
    if message.role not in ROLES:
        told = f"{place}: expected the role {', '.join(ROLES)}, got {message.role[:100]!r}"
        raise RefusedError(400, told, param="messages")
    content = message.content or ""
    if isinstance(content, str):
        return content
    other = next((part.type for part in content if part.type != "text"), None)
    if other is not None:
        raise RefusedError(400, f"{place}: expected text, got {other[:100]!r}", param="messages")
    return "".join(part.text or "" for part in content)


def shown(passages: Sequence[Retrieved]) -> list[dict[str, Any]]:
    """Passages with their probabilities, best first; the null passage is none."""
    return [h.record() for h in passages if not h.passage.null]


class Completion:
    """One completion as OpenAI writes it down, with two fields more: ``passages`` and ``declined``."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.id, self.created = f"chatcmpl-{uuid.uuid4().hex}", int(time.time())

    def whole(self, text: str, found: Found, ended: Ended) -> dict[str, Any]:
        """The answer at once."""
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(ended)}
        more = {"usage": _usage(found, ended), "passages": shown(found.passages), "declined": found.declined}
        return {**self._head("chat.completion"), "choices": [choice], **more}

    def chunk(self, delta: dict[str, str], reason: str | None = None, **more: Any) -> dict[str, Any]:
        """A piece of a stream."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice], **more}

    async def stream(self, events: AsyncIterator[Found | str | Ended], usage: bool) -> AsyncIterator[bytes]:
        """Server-sent events: the passages, the pieces, the end."""
        found = Found((), False, 0)
        try:
            async for event in events:
                if isinstance(event, Found):
                    found = event
                    first = {"role": "assistant", "content": ""}
                    yield _event(self.chunk(first, passages=shown(found.passages)))
                elif isinstance(event, str):
                    yield _event(self.chunk({"content": event}))
                else:
                    yield _event(self.chunk({}, _reason(event), declined=found.declined))
                    if usage:
                        yield _event(
                            {**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(found, event)}
                        )
        except RefusedError as refused:
            yield _event(refused.record())
        yield b"data: [DONE]\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def _reason(ended: Ended) -> Literal["stop", "length"]:
    return "stop" if ended.finished else "length"


def _usage(found: Found, ended: Ended) -> dict[str, int]:
    return {
        "prompt_tokens": found.tokens,
        "completion_tokens": ended.tokens,
        "total_tokens": found.tokens + ended.tokens,
    }


def _event(record: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(record, ensure_ascii=False)}\n\n".encode()


async def events(ask: Ask) -> AsyncIterator[str | Ended]:
    """What is told of an answer after its passages, to its end."""
    while True:
        event: str | Ended = await ask.next()
        yield event
        if isinstance(event, Ended):
            return
