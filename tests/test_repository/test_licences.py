"""No package is depended on whose licence was not looked at."""

from __future__ import annotations

import pytest

from tests.test_repository.licences import NAMED, asked, installed, licence, refused


def test_every_licence_is_allowed_or_named() -> None:
    found = {name: licence(package) for name, package in installed(asked()).items()}
    assert {name: text for name, text in found.items() if refused(name, text)} == {}
    assert len(found) > 100
    assert {"torch", "numpy", "pyyaml", "starlette"} <= found.keys()  # those of other packages and extras too
    unneeded = {name for name in NAMED if name in found and not refused(f"like-{name}", found[name])}
    assert unneeded == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", False),
        ("BSD-3-Clause AND 0BSD", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", False),
        ("GPL-3.0-only", True),
        ("MIT AND LGPL-2.1", True),
        ("Other/Proprietary License", True),
        ("", True),
    ],
)
def test_what_is_refused(text: str, expected: bool) -> None:
    assert refused("some-package", text) is expected
    assert not refused("psycopg", text)
