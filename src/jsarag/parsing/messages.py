"""The messages of jsonargparse and argparse in the words of this package, on one line."""

from __future__ import annotations

import re

from jsarag.checks import closest

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "text", "Path": "a path"}
_KINDS |= {"NoneType": "null", "tuple": "a list", "dict": "names with values"}


def one_line(message: str) -> str:
    """A message without the parser's own vocabulary; ``--option: expected ..., got ...`` where that is what it says."""
    text = re.sub(r"\s+", " ", message).strip()
    text = re.sub(r"^argument (\S+):", r"\1:", text)
    inner = re.search(r"Unable to load config .*? - (Parser key .*)", text)
    text = inner[1] if inner else text
    text = re.sub(r"^--config: (?=--)", "", re.sub(r"(^|: )Parser key \"([^\"]*)\":", r"\1--\2:", text))
    text = re.sub(r"Exceeds the limit \((\d+) digits\).*", r"expected a number of at most \1 digits", text)
    text = re.sub(r"Not of type Path: expected str.*, not (\w+)", r"expected a path, got a \1", text)
    text = re.sub(r"got NestedArg\(key='(\w+)', val=(.*)\)$", r"got \2 for \1", text)
    for pattern, told in _FORMS:
        match = pattern.match(text)
        if match:
            return told(match)
    return text


def _union(match: re.Match[str]) -> str:
    option, kinds, errors = match.groups()
    inner = re.search(r"Parser key \"(\w+)\": (.*?)(?: - Expected|$)", errors)
    if inner:
        return one_line(f"{option}.{inner[1]}: {inner[2]}")
    own = re.search(r"[a-z_]+\.[\w.]+: expected .*?(?= - | Given value)", errors)
    if own:  # what a dataclass said itself
        return own[0]
    given = errors.rpartition("Given value: ")[2]
    names = re.search(r"Literal\[(.*?)\]", kinds)
    if names:
        return _one_of(option, [*re.findall(r"'([^']+)'", names[1]), "null"], given)
    told = [_kind(kind) for kind in kinds.split(", ")]
    return f"{option}: expected {' or '.join(told)}, got {given}"


def _expected(match: re.Match[str]) -> str:
    option, kind, given = match.groups()
    if "Literal" in kind:
        return _one_of(option, re.findall(r"'([^']+)'", kind), given)
    return f"{option}: expected {_kind(kind)}, got {given}"


def _choice(match: re.Match[str]) -> str:
    option, given, names = match.groups()
    return _one_of(option, [name.strip("'") for name in names.split(", ")], given.strip("'"))


def _one_of(option: str, names: list[str], given: str) -> str:
    return f"{option}: expected one of {', '.join(names)}, got {given!r}{closest(given, names)}"


def _required(match: re.Match[str]) -> str:
    names = [f"--{name}" if name[0].islower() else name for name in match[1].split(", ")]
    return f"expected {' and '.join(names)}: required, and not given"


def _kind(kind: str) -> str:
    """``<class 'pathlib.Path'>`` and the like in plain words."""
    name = re.sub(r"<class '(?:.*\.)?(\w+)'>", r"\1", kind.strip()).removeprefix("pathlib.")
    return _KINDS.get(name.partition("[")[0], f"the settings of {name.removesuffix('Config').lower()}")


_FORMS = (
    (
        re.compile(r"(--\S*): Does not validate against any of the Union subtypes Subtypes: \[(.*)\] Errors: (.*)"),
        _union,
    ),
    (re.compile(r"(--\S+): Expected an? (.*?)\. Got value: (.*)"), _expected),
    (re.compile(r"(--\S+): invalid choice: (.*) \(choose from (.*)\)"), _choice),
    (re.compile(r"(?:the following arguments are required: |Key \"?)([\w., -]+?)(?:\" is required.*)?$"), _required),
    (re.compile(r"(--\S+): (.*) not among choices \[(.*)\]"), _choice),
    (re.compile(r"(--\S+): expected one argument"), lambda m: f"{m[1]}: expected a value after it"),
    (re.compile(r"(--\S+): expected at least one argument"), lambda m: f"{m[1]}: expected a value or more after it"),
    (
        re.compile(r"unrecognized arguments: (\S+)"),
        lambda m: f"{m[1]!r}: expected an option before it; --help lists the options",
    ),
)
