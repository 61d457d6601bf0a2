"""Typed configurations from YAML files and command lines, on jsonargparse; every mistake is one `InputError`."""

from __future__ import annotations

import dataclasses
import re
from argparse import ArgumentError
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from jsarag.checksums import CONFIG, Fault, check_config, is_sealed
from jsarag.config import plain
from jsarag.decoding import DECODERS
from jsarag.files import read_text
from jsarag.index import INDEXES, IndexConfig
from jsarag.objectives import OBJECTIVES
from jsarag.registry import Registry
from jsarag.run import DataConfig, TrainConfig
from jsarag.run.fingerprints import packages_of
from jsarag.run.local import found
from jsarag.types import InputError

set_parsing_settings(docstring_parse_attribute_docstrings=True)

INDEX_PATH = "Folder made by `jsarag index`; null: encode the passages of this run and keep them in its folder."


class Parser(ArgumentParser):
    """An argument parser whose errors are raised as one line instead of being printed under a page of usage."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        """Raise ``message``, without what jsonargparse adds around it, as `InputError`."""
        raise InputError(_one_line(message)) from None

    def read(self, argv: Sequence[str]) -> Namespace:
        """Parse a command line.

        Raises:
            InputError: unknown options, missing or ill-typed values, unreadable configuration files.
        """
        try:
            return self.parse_args(list(argv))
        except ArgumentError as error:
            raise InputError(_one_line(error.message or str(error))) from None


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

    def add_to(self, parser: Parser, name: str) -> set[str]:
        """Add the options of the part ``name``, and the one that names it; returns the part's own."""
        kind = self.registry.named(name, self.option)
        told = f"{self.help}; each has options of its own: `--{self.option} NAME --help` lists them."
        parser.add_argument(f"--{self.option}", default=name, choices=list(self.registry), help=told)
        parser.add_class_arguments(kind, self.group)
        return {f"{self.group}.{field.name}" for field in dataclasses.fields(kind)}

    def built(self, values: Namespace) -> Any:
        """The part that parsed values describe; they are taken out of ``values``."""
        given = values.pop(self.group)
        kind = self.registry[given.pop(self.key)]
        own = {field.name for field in dataclasses.fields(kind)}
        return kind(**{name: value for name, value in vars(given).items() if name in own})

    def named(self, argv: Sequence[str]) -> str | None:
        """The name that a command line asks for, or the last configuration file it names; None where none does."""
        name = None
        for option, value in _options(argv):
            if option == "--config":
                name = self.named_in(_yaml(Path(value))) or name
            elif option == f"--{self.option}":
                name = value
        return name

    def named_in(self, values: dict[str, Any]) -> str | None:
        """The name in the values of a configuration file."""
        group = values.get(self.group)
        return group.get(self.key) if isinstance(group, dict) else None


OBJECTIVE = Choice("objective", "name", OBJECTIVES, "jsa", "What is maximised")
INDEX = Choice("index", "kind", INDEXES, "auto", "How passages are searched")
CHOICES = (OBJECTIVE, INDEX)
Names = Mapping[str, str]
"""Of the parts that are chosen, by group."""


def train_parser(names: Names, defaults: dict[str, Any] | None = None, **options: Any) -> Parser:
    """The options of a training run with these parts; options of other parts are refused.

    Args:
        names: Of the parts, by group; usual ones where a group is missing.
        defaults: Override those of `TrainConfig`, by dotted name; options that the chosen parts lack are left out.
        options: Options of jsonargparse's parser.
    """
    parser = Parser(exit_on_error=False, **options)
    parser.add_argument("--config", action="config", help="YAML file with any of the options below.")
    parser.add_class_arguments(TrainConfig, as_group=False, skip={choice.group for choice in CHOICES})
    own: set[str] = set()
    for choice in CHOICES:
        own |= choice.add_to(parser, names.get(choice.group) or choice.default)
    parser.add_argument("--index.path", type=Path | None, default=None, help=INDEX_PATH)
    chosen = {choice.group for choice in CHOICES}
    parser.set_defaults({k: v for k, v in (defaults or {}).items() if k.partition(".")[0] not in chosen or k in own})
    return parser


def train_config(parser: Parser, values: Namespace) -> TrainConfig:
    """The configuration that the values parsed by a `train_parser` describe."""
    values = values.clone()
    path = values["index"].pop("path")
    parts = {choice.group: choice.built(values) for choice in CHOICES}
    built = parser.instantiate(values)
    fields = {field.name: built[field.name] for field in dataclasses.fields(TrainConfig) if field.name not in parts}
    return TrainConfig(objective=parts["objective"], index=IndexConfig(parts["index"], path), **fields)


def part_names(argv: Sequence[str], usual: Names = MappingProxyType({})) -> dict[str, str]:
    """The names of the parts that a command line asks for."""
    return {c.group: c.named(argv) or usual.get(c.group) or c.default for c in CHOICES}


def last_value(argv: Sequence[str], option: str) -> str | None:
    """What a command line says last for ``option``, before it is parsed."""
    return next((value for name, value in reversed(_options(argv)) if name == option), None)


def load_config(path: str | Path) -> TrainConfig:
    """Read a training configuration from YAML, with every default filled in.

    Raises:
        InputError: an unreadable file, an unknown option, or a value of the wrong type.
    """
    values = _yaml(Path(path))
    names = {choice.group: name for choice in CHOICES if (name := choice.named_in(values))}
    parser = train_parser(names)
    return train_config(parser, parser.read(["--config", _of_today(values) or str(path)]))


def _of_today(values: dict[str, Any]) -> str:
    """What release 0.1 wrote, as it is written today; empty where nothing differs."""
    index = values.get("index")
    if not isinstance(index, dict) or not {"kind", "recall", "uri", "collection", "path"} <= index.keys():
        return ""
    # The settings of all kinds stood there, whatever the kind.
    kind = INDEX.registry.named(index["kind"], INDEX.option)
    own = {"kind", "path", *(field.name for field in dataclasses.fields(kind))}
    return yaml.safe_dump(values | {"index": {name: value for name, value in index.items() if name in own}})


def load_run(folder: Path) -> TrainConfig:
    """Read the configuration of the run in ``folder``, wherever the folder was when the run began.

    Raises:
        InputError: no run there, or a configuration that is damaged or cut short.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise InputError(f"{folder}: not a run folder (no {CONFIG})")
    check_config(path)
    if not is_sealed(folder) and not _has_last(_yaml(path), plain(TrainConfig(DataConfig("", "")))):
        check_config(path, Fault(path, "cut short"))
    values = _yaml(path)
    _check_parts(folder, values)
    config = found(load_config(path), folder)
    # A run of an earlier version has trained on all pairs, and goes on with them.
    earlier = "split" not in (values.get("data") or {})
    return replace(config, data=replace(config.data, split="none")) if earlier else config


def _check_parts(run: Path, values: dict[str, Any]) -> None:
    """Refuse a run with a part of a package that is not installed; the message names the package."""
    known: dict[str, Registry[Any]] = {choice.option: choice.registry for choice in CHOICES}
    known["evaluation.decoding.mode"] = DECODERS
    for option, package in packages_of(run).items():
        name: Any = values
        for key in option.split("."):
            name = name.get(key) if isinstance(name, dict) else None
        if option in known and isinstance(name, str):
            known[option].named(name, f"{run / CONFIG}: {option}", package)


def _has_last(held: Any, whole: Any) -> bool:
    """Whether the option that comes last in the whole configuration is there."""
    while isinstance(whole, dict):
        name = list(whole)[-1]
        if not isinstance(held, dict) or name not in held:
            return False
        held, whole = held[name], whole[name]
    return True


def _yaml(path: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(f"{path}{line}: not valid YAML ({getattr(error, 'problem', None) or error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected options by name, found {type(value).__name__}")
    return value


def _options(argv: Sequence[str]) -> list[tuple[str, str]]:
    """Options with their values, written ``--option value`` or ``--option=value``."""
    pairs = []
    for i, word in enumerate(argv):
        option, equals, value = word.partition("=")
        if equals:
            pairs.append((option, value))
        elif i + 1 < len(argv):
            pairs.append((option, argv[i + 1]))
    return pairs


def _one_line(message: str) -> str:
    """jsonargparse's message without its own vocabulary, on one line."""
    text = re.sub(r"\s+", " ", message).strip()
    text = re.sub(r"^Parser key \"([^\"]+)\":", r"--\1:", text)
    union = re.match(
        r"(--\S+): Does not validate against any of the Union subtypes Subtypes: \[(.*?)\] Errors: (.*)", text
    )
    if union:
        option, kinds, errors = union.groups()
        names = [
            "null" if "NoneType" in kind else re.sub(r"<class '(?:.*\.)?(\w+)'>", r"\1", kind)
            for kind in kinds.split(", ")
        ]
        inner = re.search(r"Parser key \"(\w+)\": (.*?) - Expected", errors)
        if inner:
            text = f"{option}.{inner[1]}: {inner[2]}"
        else:
            given = errors.rpartition("Given value: ")[2]
            text = f"{option}: expected {' or '.join(names)}, got {given}"
    text = re.sub(
        r"Expected an? (?:<class '(?:.*?\.)?(\w+)'>|typing\.Literal\[(.*?)\])\. Got value: ",
        r"expected \1\2, got ",
        text,
    )
    return text + ("; --help lists the options" if text.startswith("unrecognized") else "")
