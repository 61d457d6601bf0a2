"""The page of help of a command: what it does, an example, then the options, in a line each where they are few."""

from __future__ import annotations

import dataclasses
import shutil
import textwrap
import types
import typing
from argparse import SUPPRESS, Action
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsarag.parsing.known import settings_of
from jsarag.parsing.spelling import spelled

Usual = Mapping[str, Mapping[str, str]]
"""The options that are shown first: a short text by option (without dashes in front) by title."""
WIDTH = 100
"""Widest page, in columns."""
COLUMN = 32
"""Columns of an option and the form of its value."""
LONGEST = 24
"""Columns up to which the values of a choice stand beside the option."""


def page(parser: Any, example: str, usual: Usual | None) -> str:
    """The page of a `jsarag.parsing.Parser`.

    Args:
        parser: The parser.
        example: Command lines that work.
        usual: The options to show; None: all.
    """
    width = min(shutil.get_terminal_size().columns, WIDTH)
    what, _, more = (parser.description or "").strip().partition("\n\n")
    parts = [textwrap.fill(what, width)]
    parts.append("\n".join(f"  {line}" for line in example.splitlines()))
    if usual is None and more:
        parts.append("\n\n".join(textwrap.fill(paragraph, width) for paragraph in more.split("\n\n")))
    parts.append(_usage(parser, width))
    shown = _all(parser) if usual is None else _chosen(parser, usual)
    parts += ["\n".join([title, *lines]) for title, rows in shown if (lines := [_row(*row, width) for row in rows])]
    if usual is None:
        return "\n\n".join(filter(None, parts)) + "\n"
    head, groups = parts[:3], parts[3:]
    return "\n\n".join(filter(None, head)) + "\n\n" + "\n".join(groups) + "\n"


def _usage(parser: Any, width: int) -> str:
    required = [action for action in parser.required if action.option_strings and action.default is None]
    words = [f"{spelled(action.option_strings[-1])} {form(action)}" for action in required]
    words += ["[OPTIONS]"]
    for action in parser._actions:
        if not action.option_strings:
            name = action.metavar or action.dest.upper()
            words.append({"?": f"[{name}]", "+": f"{name} ..."}.get(action.nargs, name))
    return textwrap.fill(f"usage: {parser.prog} {' '.join(words)}", width, subsequent_indent="  ")


def _chosen(parser: Any, usual: Usual) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    actions = {action.dest: action for action, *_ in _each(parser)}
    for title, options in usual.items():
        shown = dict(options)
        for choice in parser.choices:
            chosen = choice.option in options and actions[choice.option].default != choice.default
            for name in actions if chosen else ():  # who names a part wants to see its options
                if name.startswith(f"{choice.group}."):
                    shown.setdefault(name, (actions[name].help or "").partition(". ")[0].rstrip("."))
        # The options of a part that is not the chosen one are left out.
        rows = [(actions[name], text) for name, text in shown.items() if name in actions]
        yield title, [(_head(action, parser), _told(action, text, short=True)) for action, text in rows]


def _all(parser: Any) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for group in parser._action_groups:
        rows = [
            (_head(action, parser), _told(action, action.help or "", short=False))
            for action, title in _each(parser)
            if title == group.title
        ]
        yield textwrap.fill(str(group.title), WIDTH), rows


def _each(parser: Any) -> Iterator[tuple[Action, str]]:
    """Every option with the title of its group; the settings of an option that may be null as options of their own."""
    for group in parser._action_groups:
        for action in group._group_actions:
            if action.help == SUPPRESS or action.metavar == "CONFIG" or action.dest.endswith(".help"):
                continue
            yield action, group.title
            kind = settings_of(action)
            if kind is not None:
                below = type(parser)()
                below.add_class_arguments(kind, action.dest)
                for own in below._action_groups[-1]._group_actions:
                    if own.metavar != "CONFIG":
                        yield own, group.title


def _head(action: Action, parser: Any) -> str:
    if not action.option_strings:
        return str(action.metavar or action.dest.upper())
    # The name of a part may be given to its group: --objective jsa.
    groups = {choice.option: choice.group for choice in parser.choices}
    names = [groups.get(name[2:], name[2:]) for name in action.option_strings if name.startswith("--")]
    short = [name for name in action.option_strings if not name.startswith("--")]
    return ", ".join([*short, *(f"--{spelled(name)}" for name in names)]) + f" {form(action)}".rstrip()


def _told(action: Action, text: str, *, short: bool) -> str:
    """The text of an option, with its values where these are many, and its default."""
    names = _names(action)
    if names and not short and len("|".join(names)) > LONGEST:
        text = f"{text.rstrip('.')}. One of {', '.join(names)}."
    text = text.replace("``", "`")
    default = action.default
    if settings_of(action) or default is None or default is False or default in (SUPPRESS, [], {}):
        return text
    shown = str(default).replace("\n", "\\n") if not isinstance(default, bool) else str(default).lower()
    shown = str(list(default)) if isinstance(default, tuple) else shown
    return f"{text} ({shown})" if short else f"{text} (default: {shown})"


def _row(head: str, text: str, width: int) -> str:
    beside = textwrap.wrap(" ".join(text.split()), width - COLUMN - 4, break_on_hyphens=False) or [""]
    if len(head) > COLUMN:
        lines = [f"  {head}", *(f"{'':{COLUMN + 4}}{line}" for line in beside)]
    else:
        lines = [f"  {head:<{COLUMN}}  {beside[0]}", *(f"{'':{COLUMN + 4}}{line}" for line in beside[1:])]
    return "\n".join(line.rstrip() for line in lines)


def form(action: Action) -> str:
    """How a value looks: ``N``, ``PATH``, ``cosine|dot``; empty where an option takes none."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str) and action.metavar[0] not in "{[":
        return action.metavar
    names = _names(action)
    if names:
        listed = "|".join(names)
        one = listed if len(listed) <= LONGEST else "NAME"
    else:
        one = _form(_kind(action))
    return f"{one} ..." if action.nargs == "+" else one


def _form(kind: Any) -> str:
    kinds = [k for k in typing.get_args(kind) if k is not type(None)]
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return "null" if dataclasses.is_dataclass(kinds[0]) else _form(kinds[0])
    if typing.get_origin(kind) in (tuple, list):
        return f"[{_form(kinds[0])},...]"
    if typing.get_origin(kind) is dict:
        return "{NAME: VALUE}"
    forms: dict[Any, str] = {int: "N", float: "X", Path: "PATH", bool: "true|false", str: "TEXT"}
    return forms.get(kind, "TEXT")


def _names(action: Action) -> list[str]:
    """The values of a choice; none where any value of a type will do."""
    if action.choices is not None:
        return [str(name) for name in action.choices]
    kind = _kind(action)
    kinds = [kind, *typing.get_args(kind)]
    named = [name for k in kinds if typing.get_origin(k) is typing.Literal for name in typing.get_args(k)]
    return [str(name) for name in named]


def _kind(action: Action) -> Any:
    return getattr(action, "_typehint", None) or action.type
