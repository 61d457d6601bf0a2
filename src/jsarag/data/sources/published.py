"""Whether the files that were found are the published ones: by their checksums, else by their number of lines."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from jsarag.checks import require
from jsarag.data.sources.files import File, opened
from jsarag.types import InputError

_CHUNK = 1 << 20


def verify(file: File, path: Path, progress: Callable[[int], None], *, unverified: bool) -> dict[str, Any]:
    """Size and sum of a file, and how it compares with the published one.

    A checksum is that of the file as it is published. One that was packed since is compared unpacked. Of one that was
    unpacked since no sum is known: its facts say so, and its lines are counted where their published number is known.

    Args:
        file: What is known of the published file.
        path: Where it was found.
        progress: Told the bytes read.
        unverified: Accept another file.

    Returns:
        ``bytes`` and ``sha256``; ``as_published`` where there is a sum to compare, ``unchecked`` where the known one is
        that of a packed file; ``lines`` and ``lines_as_published`` where those were compared instead.

    Raises:
        InputError: an empty file, one that cannot be read, or another than the published one.
    """
    size = path.stat().st_size
    require(size > 0, str(path), "a file that is not empty", "0 bytes")
    name = path.name.removesuffix(".gz")
    published = file.sums.get(path.name, file.sums.get(name))
    lines = None if published else file.lines.get(name)
    algorithm, _, expected = (published or "sha256:").partition(":")
    with opened(path) as (disk, _):
        sums, count = _read(disk, {"sha256", algorithm}, progress)
    fact: dict[str, Any] = {"bytes": size, "sha256": sums["sha256"]}
    if path.name != name and path.name not in file.sums and (published or lines):
        with opened(path) as (_, content):
            sums, count = _read(content, {algorithm}, lambda more: None)
    if published:
        found = f"{algorithm} {sums[algorithm]}"
        fact["as_published"] = _same(path, f"{algorithm} {expected}", found, unverified=unverified)
    elif f"{path.name}.gz" in file.sums:
        fact["unchecked"] = f"the published checksum is that of {path.name}.gz"
    if lines:
        same = _same(path, f"{lines:,} lines", f"{count:,} lines", unverified=unverified)
        fact |= {"lines": count, "lines_as_published": same}
    return fact


def _read(stream: IO[bytes], algorithms: set[str], progress: Callable[[int], None]) -> tuple[dict[str, str], int]:
    """Sums of what a stream gives, and its number of lines."""
    digests = {algorithm: hashlib.new(algorithm) for algorithm in algorithms}
    lines, last = 0, b"\n"
    while piece := stream.read(_CHUNK):
        for digest in digests.values():
            digest.update(piece)
        lines, last = lines + piece.count(b"\n"), piece[-1:]
        progress(len(piece))
    return {algorithm: digest.hexdigest() for algorithm, digest in digests.items()}, lines + (last != b"\n")


def _same(path: Path, expected: str, found: str, *, unverified: bool) -> bool:
    same = found == expected
    if not same and not unverified:
        raise InputError(
            f"{path}: expected the published {expected}, found {found}; download it again, or take it as it is with "
            "--unverified"
        )
    return same
