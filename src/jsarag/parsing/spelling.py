"""How options are written on a command line, before a parser knows which there are."""

from __future__ import annotations

from collections.abc import Sequence


def folded(name: str) -> str:
    """A name with underscores, however it was written: ``eval-every`` and ``eval_every`` are one option."""
    return name.replace("-", "_")


def spelled(option: str) -> str:
    """An option as it is documented: with dashes."""
    return option.replace("_", "-")


def options(argv: Sequence[str]) -> list[tuple[str, str]]:
    """Options with their values, written ``--option value`` or ``--option=value``; the names with underscores."""
    pairs = []
    for i, word in enumerate(argv):
        option, equals, value = word.partition("=")
        name = f"--{folded(option[2:])}" if option.startswith("--") else option
        if equals:
            pairs.append((name, value))
        elif i + 1 < len(argv):
            pairs.append((name, argv[i + 1]))
    return pairs


def last_value(argv: Sequence[str], option: str) -> str | None:
    """What a command line says last for ``option``, before it is parsed."""
    return next((value for name, value in reversed(options(argv)) if name == option), None)


def is_file(value: str) -> bool:
    """Whether the value of a group of options is a file with settings, or these themselves, and no name."""
    return "/" in value or value.endswith((".yaml", ".yml", ".json")) or value.startswith("{")
