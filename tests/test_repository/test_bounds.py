"""The lower bounds of pyproject.toml are the versions that `make test-lowest` installs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def bounds() -> dict[str, str]:
    """The lower bound of every dependency that has one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    tested = next(match for line in extras["dev"] if (match := re.fullmatch(r"jsarag\[(.+)\]", line)))[1].split(",")
    asked = [*project["dependencies"], *extras["dev"], *(line for extra in tested for line in extras[extra])]
    found = [re.match(r"([\w.-]+)(?:\[\w+\])?>=([\w.]+)", line) for line in asked]
    return {match[1].lower(): match[2] for match in found if match}


def numbers(version: str) -> list[int]:
    """A version without zeros at its end: 2.0 and 2.0.0 are one."""
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return parts


def test_the_lowest_versions_are_the_lower_bounds() -> None:
    lines = (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {name: numbers(version) for name, version in pinned.items()} == {
        name: numbers(bound) for name, bound in bounds().items()
    }
    assert len(pinned) > 25
