"""A bad input: what is put where, and the command that meets it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Put = Callable[[Path], None]
"""Puts a bad input into the folder where the command runs."""


def nothing(_: Path) -> None:
    """The command line itself is bad."""


@dataclass(frozen=True)
class Case:
    """A bad input.

    Attributes:
        kind: The row of the table in which it counts.
        name: What it is, unique among its kind.
        argv: The command, run in a copy of the stand.
        named: What the line must name: one of these.
        put: Puts the input there.
        env: Environment variables beside the usual ones.
        stdin: What standard input holds; None: it is closed.
    """

    kind: str
    name: str
    argv: tuple[str, ...]
    named: tuple[str, ...]
    put: Put = nothing
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes | None = b""

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"
