"""A question as people hand it over: text, an object with fields, or an example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jsarag.data.shapes.turns import ANSWERER, USER
from jsarag.types import Example, InputError, Turn

SIDES = {"user": USER, "human": USER, "assistant": ANSWERER, "ai": ANSWERER}
"""Who speaks, by the roles of a chat."""

Asked = str | Mapping[str, Any] | Example
"""Text; ``{question, id?, history?}``, where ``input`` stands for ``question`` as in files of pairs; an example."""


def as_question(asked: Asked, where: str, history: Sequence[Turn | Mapping[str, str]] = ()) -> Example:
    """An example without answers; its id is empty where none was given.

    Args:
        asked: The question.
        where: Place for messages.
        history: The turns before it, oldest first; those that the question brings count where it brings any.

    Raises:
        InputError: no question or an empty one, or turns that are none.
    """
    if isinstance(asked, Example):
        asked = {"id": asked.id, "question": asked.input, "history": asked.history}
    if isinstance(asked, str):
        asked = {"question": asked}
    if not isinstance(asked, Mapping):
        raise InputError(f"{where}: expected text or {{question, history}}, got {asked!r}")
    name = next((name for name in ("question", "input") if name in asked), None)
    if name is None:
        raise InputError(f"{where}: no field 'question' or 'input'; it has {', '.join(map(str, asked)) or 'none'}")
    text, number = asked[name], asked.get("id")
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: expected a question that is not empty, got {text!r}")
    if any("\ud800" <= sign <= "\udfff" for sign in text):  # bytes of a command line that are no text
        raise InputError(f"{where}: expected text, got half a character or bytes of another encoding in {text!r}")
    turns = tuple(_turn(turn, where) for turn in _listed(asked.get("history") or history, where))
    if turns and turns[-1].text.strip() == text.strip():  # the question itself, as in files of pairs
        turns = turns[:-1]
    return Example("" if number is None else str(number), text, history=turns)


def last_question(messages: Sequence[tuple[str, str]], where: str) -> Example:
    """The question that a chat ends with, and the turns before it.

    Args:
        messages: Role and text of each, oldest first. Messages of other roles than user and assistant are left out:
            the run's own prompt holds its instructions.
        where: Place for messages.

    Raises:
        InputError: the last message is not the user's, or empty.

    Example:
        >>> last_question([("user", "Where?"), ("assistant", "Here."), ("user", "When?")], "messages").history[1].text
        'Here.'
    """
    turns = [Turn(SIDES[role], text) for role, text in messages if role in SIDES and text.strip()]
    if not messages or SIDES.get(messages[-1][0]) != USER:
        raise InputError(f"{where}: expected the user's question last")
    if not messages[-1][1].strip():
        raise InputError(f"{where}: expected a question that is not empty")
    return Example("", turns[-1].text, history=tuple(turns[:-1]))


def _listed(history: object, where: str) -> Sequence[object]:
    if not isinstance(history, list | tuple):
        raise InputError(f"{where}: history: expected a list of {{role, text}}, got {history!r}")
    return history


def _turn(turn: object, where: str) -> Turn:
    if isinstance(turn, Mapping):
        turn = Turn(turn.get("role", ""), turn.get("text", ""))
    if not isinstance(turn, Turn) or not all(isinstance(part, str) and part for part in (turn.role, turn.text)):
        raise InputError(f"{where}: history: expected turns as {{role, text}}, got {turn!r}")
    return turn
