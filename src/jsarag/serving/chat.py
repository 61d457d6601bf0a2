"""OpenAI's chat completions: what is asked, and the shapes of what is answered."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from jsarag.data import as_question, render
from jsarag.data.history import HistoryConfig
from jsarag.pipeline import DecodingConfig
from jsarag.serving.errors import RefusedError
from jsarag.serving.work import Ask, Ended, Found
from jsarag.types import Retrieved, Turn

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
    """The x of a dialog, whose last message asks.

    Raises:
        RefusedError: messages that are no dialog, or an instruction, for which a trained prompt has no place.
    """
    if not messages:
        raise RefusedError(400, "messages: expected at least one", param="messages")
    turns = [_turn(message, i, history) for i, message in enumerate(messages)]
    if messages[-1].role != "user":
        raise RefusedError(
            400, f"messages: expected the last one from user, got {messages[-1].role!r}", param="messages"
        )
    asked = as_question({"question": turns[-1].text, "history": turns[:-1]}, "messages")
    return render(asked, history)


def _turn(message: Message, number: int, history: HistoryConfig) -> Turn:
    place = f"messages[{number}]"
    if message.role in ("system", "developer"):
        raise RefusedError(
            400,
            f"{place}: a run answers with the prompt that it was trained with, which has no place for a "
            f"{message.role} message; leave it out",
            param="messages",
            code="unsupported_role",
        )
    if message.role not in ("user", "assistant"):
        raise RefusedError(400, f"{place}: expected the role user or assistant, got {message.role!r}", param="messages")
    content = message.content or ""
    if not isinstance(content, str):
        other = next((part.type for part in content if part.type != "text"), None)
        if other is not None:
            raise RefusedError(400, f"{place}: expected text, got {other!r}", param="messages")
        content = "".join(part.text or "" for part in content)
    if not content.strip():
        raise RefusedError(400, f"{place}: expected text that is not empty", param="messages")
    return Turn(history.role if message.role == "user" else "assistant", content)


def shown(passages: Sequence[Retrieved]) -> list[dict[str, Any]]:
    """Passages with their probabilities, best first; the null passage is none."""
    return [
        {**h.passage.record(), "probability": h.probability, "score": h.score} for h in passages if not h.passage.null
    ]


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
