"""From the turns of a dialog to pairs: every answer is one, with the question before it and what came before that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jsarag.data.names import plain_name
from jsarag.data.shapes.base import Found, LeftOut, Made
from jsarag.data.shapes.turns import ANSWERER, USER
from jsarag.types import InputError, Turn

USERS = frozenset(
    {
        "user", "human", "customer", "client", "visitor", "question", "questioner", "prompter", "caller", "guest",
        "patient", "student", "buyer", "enduser", "member", "asker", "requester", "inquirer", "usr", "q",
    }
)  # fmt: skip
ANSWERERS = frozenset(
    {
        "assistant", "gpt", "bot", "agent", "model", "chatbot", "operator", "support", "answer", "ai", "chatgpt",
        "advisor", "staff", "helper", "representative", "rep", "employee", "supportagent", "humanagent", "helpdesk",
        "expert", "doctor", "teacher", "seller", "wizard", "responder", "llm", "a",
    }
)  # fmt: skip
ASIDE = frozenset(
    {"tool", "function", "developer", "toolcall", "toolresponse", "functioncall", "observation", "ipython"}
)
"""Roles that are of neither side."""
SYSTEM = "system"
LONGEST = 1000
"""Turns before a question that are kept."""

NO_TEXT, NO_QUESTION, NO_SIDE = "turns without text", "answers before any question", "{} turns"


@dataclass(frozen=True)
class Said:
    """One turn as a file has it: which record it is from, who speaks, and the text, None for what is no text."""

    number: int
    role: str
    text: str | None
    name: str = ""


@dataclass
class Dialog:
    """The turns of a dialog, oldest first."""

    id: str
    turns: list[Said] = field(default_factory=list)


def sides(roles: Iterable[str], place: str) -> dict[str, str]:
    """The side of each role, `USER` or `ANSWERER`, "" for those of neither.

    Where the names of two roles say of one alone on which side it is, the other one is on the other. A system answers
    where nobody else does.

    Raises:
        InputError: no role asks, or none answers.
    """
    names = {role: plain_name(role) for role in dict.fromkeys(roles)}
    found = {role: USER if name in USERS else ANSWERER if name in ANSWERERS else "" for role, name in names.items()}
    others = [role for role, name in names.items() if not found[role] and name not in ASIDE]
    if ANSWERER not in found.values():
        systems = [role for role in others if names[role] == SYSTEM]
        found |= dict.fromkeys(systems, ANSWERER)
    others = [role for role in others if not found[role] and names[role] != SYSTEM]
    missing = {USER, ANSWERER} - set(found.values())
    if len(missing) == 1 and len(others) == 1:
        found[others[0]] = missing.pop()
    if missing:
        shown = ", ".join(map(repr, names)) or "none"
        asks = "asks, such as 'user'" if USER in missing else "answers, such as 'assistant'"
        raise InputError(f"{place}: expected a role that {asks}; the roles are {shown}")
    return found


def pairs_of(dialog: Dialog, side: dict[str, str], *, leading: bool = False) -> Iterator[Made]:
    """A pair for each answer; turns of one side in a row are joined.

    Args:
        dialog: The dialog.
        side: Of each role, as `sides` gives them.
        leading: Whether a system's turns at the beginning are instructions, and left out.
    """
    joined: list[tuple[str, str, Said]] = []
    for turn in dialog.turns:
        of = side.get(turn.role, "")
        if plain_name(turn.role) == SYSTEM and leading and not joined:
            of = ""
        if not of:
            yield LeftOut(turn.number, NO_SIDE.format(turn.role or "nobody's"))
        elif turn.text is None or not turn.text.strip():
            yield LeftOut(turn.number, NO_TEXT)
        elif joined and joined[-1][0] == of:
            joined[-1] = (of, f"{joined[-1][1]}\n{turn.text}", turn)
        else:
            joined.append((of, turn.text, turn))
    spoken = tuple(Turn(of, text) for of, text, _ in joined)  # shared by all pairs of the dialog
    for i, (of, text, turn) in enumerate(joined):
        if of != ANSWERER:
            continue
        if i == 0:
            yield LeftOut(turn.number, NO_QUESTION)
            continue
        values = {"input": joined[i - 1][1], "outputs": [text], "history": spoken[max(0, i - 1 - LONGEST) : i - 1]}
        yield Found(turn.number, values, dialog=dialog.id, id=f"{dialog.id}/{turn.name}")
