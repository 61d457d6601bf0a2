"""The repository stays small enough to look through: few entries a folder, no large files."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 40
"""Entries of a folder."""
LARGEST = 1_000_000
"""Bytes of a file."""


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name]


def test_no_folder_has_more_entries_than_a_reader_takes_in(tracked: list[Path]) -> None:
    entries = defaultdict(set)
    for file in tracked:
        for place in (file, *file.parents[:-1]):
            entries[place.parent].add(place.name)
    assert {str(folder): len(found) for folder, found in entries.items() if len(found) > MOST} == {}
    assert len(entries[Path("src/jsarag")]) > 10  # folders are counted too


def test_no_file_is_large(tracked: list[Path]) -> None:
    sizes = {str(file): (ROOT / file).stat().st_size for file in tracked if (ROOT / file).is_file()}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
