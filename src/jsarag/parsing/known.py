"""The options that a parser knows: how they may be spelled, what is said of any other, what a file may set."""

from __future__ import annotations

import dataclasses
import typing
from argparse import Action
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from jsarag.checks import closest
from jsarag.parsing import words
from jsarag.parsing.choice import Choice
from jsarag.parsing.settings import SettingsFile
from jsarag.parsing.spelling import folded
from jsarag.types import InputError


class Known:
    """The options of a parser.

    Attributes:
        names: Each option as the parser knows it, by its name with underscores, without leading dashes.
        shorthands: The options that name parts, by the group whose name stands for them.
    """

    def __init__(self, actions: Sequence[Action], choices: Sequence[Choice], typed: Collection[str]) -> None:
        """Take what a `jsarag.parsing.Parser` has; the options ``typed`` may not stand in a file."""
        self._choices, self._typed = choices, {folded(name) for name in typed}
        self.shorthands = {choice.group: choice.option for choice in choices}
        listed = [option[2:] for action in actions for option in action.option_strings if option[:2] == "--"]
        # Options that are null or a group of settings, which have options of their own, and plain groups.
        self._nullable = {action.dest: kind for action in actions if (kind := settings_of(action))}
        listed += [f"{name}.{f.name}" for name, kind in self._nullable.items() for f in dataclasses.fields(kind)]
        # A part that is chosen may have no options of its own: its group is one all the same.
        self._groups = {action.dest for action in actions if action.metavar == "CONFIG"} | self.shorthands.keys()
        listed += self.shorthands
        # Options that take names with values, whatever the names.
        kinds = {action.dest: getattr(action, "_typehint", None) for action in actions}
        self._free = {name for name, kind in kinds.items() if typing.get_origin(kind) is dict}
        self.names = {folded(name): name for name in listed}

    def canonical(self, name: str) -> str | None:
        """An option however it was spelled, as the parser knows it; None where there is none."""
        found = self.names.get(folded(name))
        return name if found is None and any(name.startswith(f"{group}.") for group in self._free) else found

    def unknown(self, name: str, form: Callable[[str], str]) -> str:
        """What to say of an option that does not exist: what it is called here, whose it is, or which is like it.

        Args:
            name: The option.
            form: How an option is written where the mistake stands.
        """
        last = folded(name).rpartition(".")[2]
        told = words.answer(last)
        if told:
            return told
        for choice in self._choices:
            owners = choice.owners(folded(name))
            if owners:
                listed = ", ".join(owners[:4]) + (", ..." if len(owners) > 4 else "")
                return f"an option of {choice.group} {listed} alone"
        known = [option for option in self.names.values() if not option.endswith(".help")]
        same = [form(option) for option in known if "." in option and option.rpartition(".")[2] == last]
        if same:
            return f"no such option; did you mean {' or '.join(same[:3])}?"
        return "no such option" + (closest(form(name), [*map(form, known)]) or "; --help lists the options")

    def settled(self, file: SettingsFile) -> tuple[dict[str, Any], dict[str, str]]:
        """The settings of a file by the names that the parser knows, and the place of each in the file.

        Raises:
            InputError: a setting that the parser does not know, or a value where a group of settings should be.
        """
        where: dict[str, str] = {}
        return self._tree(file, file.values, "", where), where

    def _tree(
        self, file: SettingsFile, values: Mapping[Any, Any], prefix: str, where: dict[str, str]
    ) -> dict[str, Any]:
        settled: dict[str, Any] = {}
        for key, value in values.items():
            written = f"{prefix}{key}"
            place = file.where(written)
            name = self.canonical(written)
            if name is None:
                raise InputError(f"{place}: {self.unknown(written, folded)}")
            if folded(name) in self._typed:
                raise InputError(f"{place}: expected on the command line alone")
            where[name] = place.removesuffix(f": {written}")
            own = name.removeprefix(prefix)
            if name in self.shorthands and isinstance(value, str):
                settled[own] = {self.shorthands[name].rpartition(".")[2]: value}
            elif name not in self._groups and name not in self._nullable:
                settled[own] = value
            elif isinstance(value, dict):
                settled[own] = self._tree(file, value, f"{name}.", where)
            elif value is not None:
                raise InputError(f"{place}: expected options by name, got {value!r}")
            elif name in self._nullable:  # any other group without settings is a heading
                settled[own] = None
        return settled


def settings_of(action: Action) -> type[Any] | None:
    """The dataclass of an option that is null or a group of settings; None for any other."""
    kinds = typing.get_args(getattr(action, "_typehint", None))
    return next((kind for kind in kinds if dataclasses.is_dataclass(kind) and isinstance(kind, type)), None)
