"""Typed configurations from YAML files and command lines, on jsonargparse; every mistake is one `InputError`."""

from __future__ import annotations

import dataclasses
import re
from argparse import ArgumentError
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from jsarag.checksums import CONFIG, Fault, check_config, is_sealed
from jsarag.config import plain
from jsarag.files import read_text
from jsarag.objectives import OBJECTIVES, Objective
from jsarag.training import DataConfig, TrainConfig
from jsarag.types import InputError

set_parsing_settings(docstring_parse_attribute_docstrings=True)


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


def train_parser(objective: str, defaults: dict[str, Any] | None = None, **options: Any) -> Parser:
    """The options of a training run with one objective: only that objective's own options exist, others are refused.

    Args:
        objective: Name in `jsarag.objectives.OBJECTIVES`.
        defaults: Override those of `TrainConfig`, by dotted name; options that this objective lacks are left out.
        options: Options of jsonargparse's parser.
    """
    kind = objective_class(objective)
    parser = Parser(exit_on_error=False, **options)
    parser.add_argument("--config", action="config", help="YAML file with any of the options below.")
    parser.add_class_arguments(TrainConfig, as_group=False, skip={"objective"})
    parser.add_argument(
        "--objective.name",
        default=objective,
        choices=list(OBJECTIVES),
        help="What is maximised; each has options of its own: `--objective.name NAME --help` lists them.",
    )
    parser.add_class_arguments(kind, "objective")
    own = {f"objective.{field.name}" for field in dataclasses.fields(kind)}
    parser.set_defaults({k: v for k, v in (defaults or {}).items() if not k.startswith("objective.") or k in own})
    return parser


def train_config(parser: Parser, values: Namespace) -> TrainConfig:
    """The configuration that the values parsed by a `train_parser` describe."""
    values = values.clone()
    objective = values.pop("objective")
    kind = objective_class(objective.pop("name"))
    built = parser.instantiate(values)
    fields = {field.name: built[field.name] for field in dataclasses.fields(TrainConfig) if field.name != "objective"}
    return TrainConfig(objective=kind(**vars(objective)), **fields)


def objective_class(name: str) -> type[Objective]:
    """The objective of that name; ``InputError`` lists the known ones."""
    if name not in OBJECTIVES:
        raise InputError(f"objective.name: expected one of {', '.join(OBJECTIVES)}, got {name!r}")
    return OBJECTIVES[name]


def objective_name(argv: Sequence[str], default: str = "jsa") -> str:
    """The objective that a command line, or the last configuration file it names, asks for."""
    name = default
    for option, value in _options(argv):
        if option == "--config":
            name = _yaml(Path(value)).get("objective", {}).get("name", name)
        elif option == "--objective.name":
            name = value
    return name


def last_value(argv: Sequence[str], option: str) -> str | None:
    """What a command line says last for ``option``, before it is parsed."""
    return next((value for name, value in reversed(_options(argv)) if name == option), None)


def load_config(path: str | Path) -> TrainConfig:
    """Read a training configuration from YAML, with every default filled in.

    Raises:
        InputError: an unreadable file, an unknown option, or a value of the wrong type.
    """
    name = _yaml(Path(path)).get("objective", {}).get("name", "jsa")
    parser = train_parser(name)
    return train_config(parser, parser.read(["--config", str(path)]))


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
    return replace(load_config(path), out=folder)


def _has_last(found: Any, whole: Any) -> bool:
    """Whether the option that comes last in the whole configuration is there."""
    while isinstance(whole, dict):
        name = list(whole)[-1]
        if not isinstance(found, dict) or name not in found:
            return False
        found, whole = found[name], whole[name]
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
