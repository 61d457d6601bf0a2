"""The licence of every package that jsarag or one of its extras installs: ``python -m tests.test_repository.licences``.

The metadata of the installed packages is read; no network is needed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
ALLOWED = re.compile(r"Apache|MIT|BSD|ISC|PSF|Python Software Foundation|Zlib|HPND|Public Domain|MPL[- ]?2|Unlicense")
"""Licences that ask for no more than their own text; the MPL 2.0 asks for the source of its own files alone."""
OTHER = re.compile(r"GPL|GNU|Proprietary|Commercial|Creative Commons|CC-BY|NC\b|SSPL|BUSL|EUPL|Other/")
NAMED = {
    "docutils": "in the public domain but for one file for Emacs, which is under the GPL and is not imported",
    "psycopg": "LGPL 3.0; of the extra pgvector alone, imported as it is published",
    "psycopg-binary": "LGPL 3.0; as psycopg",
    "tld": "MPL 1.1, GPL 2.0 or LGPL 2.1, as one chooses: MPL 1.1; of the extra documents alone",
}
"""Packages under another licence, each with what that means here."""
VENDOR = re.compile(r"nvidia-|cuda-|cuda_")
"""What PyTorch for NVIDIA's cards brings along, under NVIDIA's own licence."""


def plain(name: str) -> str:
    """A name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked() -> list[Requirement]:
    """The packages that pyproject.toml names, those for development left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for extra in extras if extra != "dev" for line in extras[extra])]
    return [Requirement(line) for line in lines]


def installed(wanted: Iterable[Requirement]) -> dict[str, Distribution]:
    """These packages and all that they ask for, by name, as far as they are installed."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(wanted)
    while waiting:
        one = waiting.pop()
        key = plain(one.name), frozenset(one.extras)
        if key in seen:
            continue
        seen.add(key)
        try:
            found[key[0]] = distribution(one.name)
        except PackageNotFoundError:  # of an extra that is not installed
            continue
        for line in found[key[0]].requires or ():
            more = Requirement(line)
            if more.marker is None or any(more.marker.evaluate({"extra": extra}) for extra in ("", *one.extras)):
                waiting.append(more)
    return found


def licence(package: Distribution) -> str:
    """What a package says of its licence, in the shortest form in which it says so."""
    told = package.metadata.json
    classes = [line.split("::")[-1].strip() for line in told.get("classifier", ()) if line.startswith("License ::")]
    written = " ".join(str(told.get("license", "")).split())[:60]
    return str(told.get("license_expression", "")) or ", ".join(classes) or written


def refused(name: str, text: str) -> bool:
    """Whether a package may not be depended on without being named."""
    return name not in NAMED and not VENDOR.match(name) and (not ALLOWED.search(text) or bool(OTHER.search(text)))


if __name__ == "__main__":
    for name, package in sorted(installed(asked()).items()):
        text = licence(package)
        print(f"{name:<30}{package.version:<16}{text}{' REFUSED' if refused(name, text) else ''}")
