"""``jsarag ask`` as a dialog: each question that is typed is asked with the turns before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jsarag import api
from jsarag.checks import closest
from jsarag.cli.answers import follow, show, show_passages
from jsarag.data import ANSWERER, USER
from jsarag.types import Answer, Turn

PROMPT = "? "
WELCOME = "{passages:,} passages. Ask, and ask on: the turns before count. /help lists the commands, /exit ends."


@dataclass
class Dialog:
    """What was said so far.

    Attributes:
        run: What answers.
        full: Whether passages are shown with their whole texts.
        turns: The turns so far; questions that were declined are not among them.
        last: The last answer.
    """

    run: api.Run
    full: bool = False
    turns: list[Turn] = field(default_factory=list)
    last: Answer | None = None

    def ask(self, question: str) -> None:
        """Answer a question, word by word where the run's way of decoding allows that."""
        if self.run.pipeline.decoding.streams:
            self.last = follow(self.run.stream(question, self.turns))
            show_passages(self.last.passages, full=self.full)
        else:
            self.last = self.run.ask(question, self.turns)
            show("", self.last, full=self.full)
        if not self.last.declined and self.last.text:
            self.turns += [Turn(USER, question), Turn(ANSWERER, self.last.text)]

    def passages(self) -> None:
        """show the whole texts of the last answer's passages"""
        if self.last is None:
            print("No question was asked yet.\n")
        else:
            show_passages(self.last.passages, full=True)

    def clear(self) -> None:
        """forget the turns before"""
        self.turns, self.last = [], None
        print("The dialog begins anew.\n")

    def help(self) -> None:
        """list the commands"""
        for name, command in COMMANDS.items():
            print(f"  {name:<10}  {command.__doc__}")
        print()

    def exit(self) -> None:
        """end (also Ctrl-D)"""
        raise EOFError


COMMANDS: dict[str, Callable[[Dialog], None]] = {
    "/passages": Dialog.passages,
    "/clear": Dialog.clear,
    "/help": Dialog.help,
    "/exit": Dialog.exit,
}


def converse(run: api.Run, *, full: bool = False) -> None:
    """Answer what is typed until it ends; the arrow keys edit a line and bring earlier ones back."""
    dialog = Dialog(run, full)
    print(WELCOME.format(passages=len(run.pipeline.kb)) + "\n")
    for line in _lines():
        name = line.split()[0].lower()
        if not name.startswith("/"):
            dialog.ask(line)
        elif name in COMMANDS:
            try:
                COMMANDS[name](dialog)
            except EOFError:
                return
        else:
            print(f"There is no command {name}{closest(name, COMMANDS)}; /help lists them.\n")


def _lines() -> Iterator[str]:
    import readline  # noqa: F401 - input() then edits lines

    while True:
        try:
            line = input(PROMPT).strip()
        except EOFError:
            print()
            return
        if line:
            yield line
