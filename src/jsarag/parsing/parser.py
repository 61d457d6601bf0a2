"""The parser of every command: typed options from files and command lines; every mistake is one `InputError`."""

from __future__ import annotations

import ast
import dataclasses
import re
import typing
from argparse import Action, ArgumentError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from jsarag.parsing.choice import Choice
from jsarag.parsing.known import Known, settings_of
from jsarag.parsing.messages import one_line
from jsarag.parsing.page import Usual, page
from jsarag.parsing.settings import SettingsFile
from jsarag.parsing.spelling import is_file, spelled
from jsarag.types import InputError

set_parsing_settings(docstring_parse_attribute_docstrings=True)


class Parser(ArgumentParser):
    """An argument parser that names what is wrong in one line, and whose help begins with an example.

    Options are documented with dashes (``--loop.eval-every``); with underscores, as in files of settings, they are
    taken as well. No beginning of an option stands for the option.

    Attributes:
        choices: The parts that are chosen by name; ``--objective jsa`` is short for ``--objective.name jsa``.
        typed: Options that stand on a command line only, never in a file of settings.
        required: Options that must be given; known once `read` was called.
    """

    def __init__(self, *, example: str = "", usual: Usual | None = None, **options: Any) -> None:
        """Make a parser.

        Args:
            example: Command lines that work, one a line, the commonest first.
            usual: The options that ``--help`` shows, as text by option by title; None: all, as ``--help-all`` does.
            options: Of jsonargparse's parser.
        """
        super().__init__(**{"exit_on_error": False, "allow_abbrev": False, **options})
        self._example, self._usual = example, usual
        self._where: dict[str, str] = {}
        self.required: list[Action] = []
        self.choices: list[Choice] = []
        self.typed = {"help", "help_all", "print_config", "config"}
        for action in self._actions:
            action.help = "Show this page."
        if example:  # a command, not a part of one
            self.add_argument("--help-all", action=_HelpAll, nargs=0, help="List every option.")

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raise ``message``, without what jsonargparse adds around it, as `InputError`."""
        raise InputError(self._told(message)) from None

    def format_help(self, formatter: object = None) -> str:
        """The page that ``--help`` prints."""
        return page(self, self._example, self._usual)

    def format_help_all(self) -> str:
        """The page that ``--help-all`` prints."""
        return page(self, self._example, None)

    def add_choice(self, choice: Choice, name: str) -> set[str]:
        """Add the options of the part ``name``, and the one that names it; returns the part's own."""
        kind = choice.registry.named(name, choice.option)
        told = f"{choice.help}; each has options of its own: `--{choice.group} NAME --help` lists them."
        self.add_argument(f"--{choice.option}", default=name, choices=list(choice.registry), help=told)
        self.add_class_arguments(kind, choice.group, instantiate=False)  # `part` makes it
        self.choices.append(choice)
        return {f"{choice.group}.{field.name}" for field in dataclasses.fields(kind)}

    def part(self, choice: Choice, values: Namespace) -> Any:
        """The part that parsed values describe; they are taken out of ``values``.

        Raises:
            InputError: a value that the part refuses.
        """
        given = values.pop(choice.group)
        kind = choice.registry.named(given.pop(choice.key), f"--{choice.option}")
        own = {field.name for field in dataclasses.fields(kind)}
        with self.locating():
            return kind(**{name: value for name, value in vars(given).items() if name in own})

    def read(self, argv: Sequence[str], files: Sequence[SettingsFile] = ()) -> Namespace:
        """Parse a command line.

        Args:
            argv: Its words.
            files: Settings that the command line goes over, the last one first.

        Raises:
            InputError: unknown options, missing or ill-typed values, unreadable files of settings; the message names
                the file and the line where the mistake stands in a file.
        """
        # While it parses, jsonargparse takes the mark away.
        self.required = [action for action in self._actions if action.required]
        typed = [word for file in files for word in self._settings(file)] + self._spelled(argv)
        try:
            with self.locating():
                return self.parse_args(typed)
        except ArgumentError as error:
            raise self._located(InputError(self._told(error.message or str(error)))) from None

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Let a mistake in a setting that came from a file name the file and the line."""
        try:
            yield
        except InputError as error:
            raise self._located(error) from None

    def built(self, values: Namespace) -> Namespace:
        """Parsed values with their groups made into dataclasses.

        Raises:
            InputError: a value that a dataclass refuses.
        """
        with self.locating():
            try:
                return typing.cast(Namespace, self.instantiate(values))
            except ValueError as error:  # what a dataclass said, wrapped by jsonargparse
                if isinstance(error, InputError):
                    raise
                raise InputError(one_line(f'Parser key "": {error}')) from None

    @property
    def options(self) -> set[str]:
        """Every option, without leading dashes, as the parser knows it."""
        return set(self._known.names.values())

    @property
    def _known(self) -> Known:
        return Known(self._actions, self.choices, self.typed)

    def _spelled(self, argv: Sequence[str]) -> list[str]:
        """The words of a command line with every option as the parser knows it."""
        known, written = self._known, list[str]()
        rest = iter(argv)
        for word in rest:
            option, equals, value = word.partition("=")
            if word == "--":
                return [*written, word, *rest]
            if option[:2] != "--":
                written.append(word)
                continue
            name = known.canonical(option[2:])
            if name is None:
                raise InputError(f"{option}: {known.unknown(option[2:], lambda name: f'--{spelled(name)}')}")
            if name == "config" or name in known.shorthands:
                value = value if equals else next(rest, "")
                if not value:
                    raise InputError(f"--{name}: expected a value after it")
                if name == "config":
                    written += self._settings(SettingsFile.read(Path(value)))
                else:
                    written.append(f"--{name if is_file(value) else known.shorthands[name]}={value}")
                continue
            for below in [place for place in self._where if place == name or place.startswith(f"{name}.")]:
                del self._where[below]
            written.append(f"--{name}{equals}{value}")
        return written

    def _settings(self, file: SettingsFile) -> list[str]:
        values, where = self._known.settled(file)
        self._where |= where
        return [f"--config={yaml.safe_dump(values, allow_unicode=True)}"] if values else []

    def _told(self, message: str) -> str:
        """A message of jsonargparse on one line; of the settings of an option that may be null, the one that is bad."""
        text = one_line(message)
        option, _, rest = text.partition(": ")
        for action in self._actions:
            kind = settings_of(action)
            for name, value in _pairs(rest) if kind and f"--{action.dest}" == option else ():
                below = Parser()
                below.add_class_arguments(kind, action.dest)
                try:
                    below.read([f"--{action.dest}.{name}={value}"])
                except InputError as error:
                    return str(error)
        return text

    def _located(self, error: InputError) -> InputError:
        text = str(error)
        name = text.partition(":")[0].removeprefix("--")
        places = [place for known, place in self._where.items() if known == name or known.endswith(f".{name}")]
        if places:
            return InputError(f"{places[0]}: {text.removeprefix('--')}")
        option, colon, rest = text.partition(":")
        if option.startswith("--"):
            return InputError(f"{spelled(option)}{colon}{rest}")
        # A part names its own settings; here the part may lie within another one.
        whole = [known for known in self.options if known.endswith(f".{option}")]
        return InputError(f"{whole[0]}{colon}{rest}") if len(whole) == 1 and option not in self.options else error


class _HelpAll(Action):
    """Prints the page of all options, and ends the command."""

    def __call__(self, parser: Any, *_: object) -> None:
        print(parser.format_help_all())
        parser.exit()


def _pairs(text: str) -> list[tuple[str, str]]:
    """Names and values in a message that ends with a dict or with what jsonargparse calls a nested argument."""
    nested = re.search(r"NestedArg\(key='(\w+)', val='?(.*?)'?\)$", text)
    if nested:
        return [(nested[1], nested[2])]
    try:
        given = ast.literal_eval(text.partition("got ")[2])
    except (ValueError, SyntaxError):
        return []
    return [(str(name), str(value)) for name, value in given.items()] if isinstance(given, dict) else []
