"""How the turns of a dialog become the input x."""

from __future__ import annotations

from dataclasses import dataclass

from jsarag.checks import has_fields, not_negative
from jsarag.types import Example, Turn


@dataclass(frozen=True)
class HistoryConfig:
    """The template of dialog histories; a question without history is left as it is.

    Attributes:
        turns: Last turns kept, the input included: 1 is the input alone, 0 keeps all.
        turn: How a turn is written, from its {role} and {text}.
        separator: What stands between turns.
        role: The role given to the input.
    """

    turns: int = 3
    turn: str = "{text}"
    separator: str = "\n"
    role: str = "user"

    def __post_init__(self) -> None:
        not_negative("data.history.turns", self.turns)
        has_fields("data.history.turn", self.turn, ("text",), ("role",))


def render(example: Example, config: HistoryConfig) -> str:
    """The input x: the last turns of the history and the input, each by the template."""
    if not example.history:
        return example.input
    turns = [*example.history, Turn(config.role, example.input)]
    kept = turns[-config.turns :] if config.turns else turns
    return config.separator.join(config.turn.format(role=turn.role, text=turn.text) for turn in kept)
