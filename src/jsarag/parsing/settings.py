"""A file of settings: YAML, with the line of each setting, so that a mistake is told where it stands."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jsarag.files import read_text
from jsarag.types import InputError


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-4 is a number, as people and the parser of command lines read it."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"), list("-+0123456789")
)
# No setting is a date, and 2020-13-45 is none.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)  # type: ignore[type-var]


DEEPEST, MOST = 50, 100_000
"""Levels and values of a file, aliases followed: few lines of aliases may stand for more than any memory holds."""


@dataclass(frozen=True)
class SettingsFile:
    """What a file of settings holds.

    Attributes:
        path: The file.
        values: The settings, a tree of dicts.
        lines: The line of each setting, counted from 1, by its dotted name as it is written.
    """

    path: Path
    values: dict[str, Any]
    lines: dict[str, int]

    @classmethod
    def read(cls, path: Path) -> SettingsFile:
        """Read a file.

        Raises:
            InputError: an unreadable file, bad YAML, anything but settings by name, or a setting that is there twice;
                the message names file and line.
        """
        try:
            loader = _Loader(read_text(path))
            node = loader.get_single_node()
            _check(path, loader, node)
            values = loader.construct_document(node) if node else {}
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            told = getattr(error, "problem", None) or str(error)
            raise InputError(f"{path}{line}: not valid YAML ({' '.join(told.split())})") from None
        except RecursionError:
            raise InputError(f"{path}: nested more than {DEEPEST} levels deep") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}: expected options by name, found {type(values).__name__}")
        return cls(path, values, _lines(path, node, ""))

    def where(self, name: str) -> str:
        """The place of a setting, for a message: ``run.yaml:3: loop.steps``."""
        return f"{self.path}:{self.lines[name]}: {name}" if name in self.lines else f"{self.path}: {name}"


def _check(path: Path, loader: _Loader, node: yaml.Node | None) -> None:
    """Refuse what holds itself, what is too deep or too much, and scalars that are not what their tags say."""
    waiting, seen = [(node, 1)] if node else [], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        place = f"{path}:{value.start_mark.line + 1}"
        if depth > DEEPEST:
            raise InputError(f"{place}: nested more than {DEEPEST} levels deep, or within itself")
        if seen > MOST:
            raise InputError(f"{place}: holds more than {MOST:,} values, those of aliases counted")
        if isinstance(value, yaml.ScalarNode):
            if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value.value):
                raise InputError(f"{place}: expected text, found a NUL character or half a character")
            try:
                loader.construct_object(value)
            except (ValueError, KeyError):
                kind = value.tag.rpartition(":")[2]
                raise InputError(f"{place}: not valid YAML (not what its tag {kind} says, or too long)") from None
        else:
            held = value.value if isinstance(value, yaml.SequenceNode) else itertools.chain(*value.value)
            waiting += [(item, depth + 1) for item in held]


def _lines(path: Path, node: yaml.Node | None, prefix: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        name, line = f"{prefix}{key.value}", key.start_mark.line + 1
        if name in found:
            raise InputError(f"{path}:{line}: {name} is there twice, first at line {found[name]}")
        found |= {name: line, **_lines(path, value, f"{name}.")}
    return found
