"""The options of a training run, and the configuration that they describe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jsonargparse import Namespace

from jsarag.index import IndexConfig
from jsarag.parsing.choice import CHOICES
from jsarag.parsing.parser import Parser
from jsarag.run import TrainConfig

INDEX_PATH = "Folder made by `jsarag index`; null: encode the passages of this run and keep them in its folder."
Names = Mapping[str, str]
"""Of the parts that are chosen, by group."""


def train_parser(names: Names, defaults: dict[str, Any] | None = None, **options: Any) -> Parser:
    """The options of a training run with these parts; options of other parts are refused.

    Args:
        names: Of the parts, by group; usual ones where a group is missing.
        defaults: Override those of `TrainConfig`, by dotted name; options that the chosen parts lack are left out.
        options: Options of the parser.
    """
    parser = Parser(**options)
    parser.add_argument("--config", action="config", help="YAML file with any of the options below.", metavar="FILE")
    parser.add_class_arguments(TrainConfig, as_group=False, skip={choice.group for choice in CHOICES})
    own: set[str] = set()
    for choice in CHOICES:
        own |= parser.add_choice(choice, names.get(choice.group) or choice.default)
    parser.add_argument("--index.path", type=Path | None, default=None, help=INDEX_PATH)
    chosen = {choice.group for choice in CHOICES}
    parser.set_defaults({k: v for k, v in (defaults or {}).items() if k.partition(".")[0] not in chosen or k in own})
    return parser


def train_config(parser: Parser, values: Namespace) -> TrainConfig:
    """The configuration that the values parsed by a `train_parser` describe.

    Raises:
        InputError: a value that its part refuses; the message names the file and the line, if the value came from one.
    """
    values = values.clone()
    path = values["index"].pop("path")
    parts = {choice.group: parser.part(choice, values) for choice in CHOICES}
    built = parser.built(values)
    fields = {field.name: built[field.name] for field in dataclasses.fields(TrainConfig) if field.name not in parts}
    with parser.locating():
        return TrainConfig(objective=parts["objective"], index=IndexConfig(parts["index"], path), **fields)


def part_names(argv: Sequence[str], usual: Names = MappingProxyType({})) -> dict[str, str]:
    """The names of the parts that a command line asks for.

    Raises:
        InputError: there is no part of such a name.
    """
    return {c.group: c.named(argv) or usual.get(c.group) or c.default for c in CHOICES}
