"""Parts that are chosen by name and have options of their own: objectives and kinds of index."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsarag.index import INDEXES
from jsarag.objectives import OBJECTIVES
from jsarag.parsing.settings import SettingsFile
from jsarag.parsing.spelling import is_file, options
from jsarag.registry import Registry
from jsarag.types import InputError


@dataclass(frozen=True)
class Choice:
    """A part that is chosen by name and has options of its own: only those of the chosen one exist.

    Attributes:
        group: What the options begin with.
        key: The option that names the part.
        registry: The parts.
        default: The usual name.
        help: Of the option ``key``.
    """

    group: str
    key: str
    registry: Registry[type[Any]]
    default: str
    help: str

    @property
    def option(self) -> str:
        """The option that names the part."""
        return f"{self.group}.{self.key}"

    def named(self, argv: Sequence[str]) -> str | None:
        """The name that a command line asks for, or the last configuration file it names; None where none does.

        Raises:
            InputError: there is no part of that name; the message names the file and the line, if it came from one.
        """
        name, where = None, self.option
        for option, value in options(argv):
            if option == "--config":
                if not value:
                    raise InputError("--config: expected a value after it")
                file = SettingsFile.read(Path(value))
                found = self.named_in(file.values)
                name, where = (found, self.where(file)) if found else (name, where)
            elif option == f"--{self.option}" or (option == f"--{self.group}" and not is_file(value)):
                name, where = value, option
        if name is not None:
            self.registry.named(name, where)
        return name

    def named_in(self, values: Mapping[str, Any]) -> str | None:
        """The name in the values of a configuration file."""
        group = values.get(self.group)
        name = group.get(self.key) if isinstance(group, dict) else group
        return name if isinstance(name, str) else None

    def where(self, file: SettingsFile) -> str:
        """The place of the name in a file, for a message."""
        return file.where(self.option if self.option in file.lines else self.group)

    def owners(self, name: str) -> list[str]:
        """The parts that have an option, given with its group: ``objective.m``."""
        group, _, own = name.partition(".")
        found = []
        for part in self.registry if group == self.group else ():
            try:
                kind = self.registry[part]
            except InputError:  # of another package, which cannot be loaded
                continue
            found += [part] if own in {field.name for field in dataclasses.fields(kind)} else []
        return found


OBJECTIVE = Choice("objective", "name", OBJECTIVES, "jsa", "What is maximised")
INDEX = Choice("index", "kind", INDEXES, "auto", "How passages are searched")
CHOICES = (OBJECTIVE, INDEX)
