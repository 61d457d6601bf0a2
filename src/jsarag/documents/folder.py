"""The folder that `jsarag ingest` writes: passages, duplicates, errors, and a manifest of the files they are from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsarag import checksums, layout
from jsarag.documents.chunks import Chunk
from jsarag.files import read_json, write_json
from jsarag.places import check_folder
from jsarag.types import Passage

FORMAT = 1
MANIFEST = layout.MANIFEST
PASSAGES, DUPLICATES, ERRORS = "passages.jsonl", "duplicates.jsonl", "errors.jsonl"
NAMES = (PASSAGES, DUPLICATES, ERRORS, MANIFEST)
OWN = ("duplicate_of", "similarity", "position")
"""What a duplicate has beside the fields of a passage; the last one is its place among the passages of its file."""
MADE_BY = "jsarag ingest"

Row = dict[str, Any]


def check_place(folder: Path) -> None:
    """Refuse to write where anything but such a folder lies.

    Raises:
        InputError: a folder that is not empty and that `jsarag ingest` did not make, or that holds a file beside those.
    """
    check_folder(folder, NAMES if _manifest(folder) else (), MADE_BY)


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder of ours, empty elsewhere."""
    file = folder / MANIFEST
    found = read_json(file) if file.is_file() else None
    return found if isinstance(found, dict) and found.get("made_by") == MADE_BY else {}


def identified(source: str, chunks: list[Chunk]) -> Iterator[Row]:
    """The passages of a file as records; an id is a hash of what it names, and of no other passage."""
    seen = Counter[str]()
    for chunk in chunks:
        digest = hashlib.sha256("\0".join((source, chunk.title, chunk.text)).encode()).hexdigest()[:20]
        seen[digest] += 1
        name = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        yield Passage(name, chunk.title, chunk.text, source, chunk.page, chunk.start, chunk.end).record()


class Kept:
    """What an earlier run left in the folder.

    Attributes:
        files: SHA-256, reader and number of passages by file.
        ids: Of its passages.
        fault: Why nothing of it can be used again; empty where it can.
    """

    def __init__(self, folder: Path, made_as: Mapping[str, Any]) -> None:
        """Look into a folder, which may be missing; ``made_as``: how passages are made now."""
        self._folder = folder
        manifest = _manifest(folder)
        self.files: dict[str, dict[str, Any]] = manifest.get("files", {})
        self.ids: set[str] = set()
        self.fault = ""
        self._places: dict[str, dict[str, list[int]]] = {PASSAGES: {}, DUPLICATES: {}}
        if not manifest:
            return
        if manifest.get("format") != FORMAT or manifest.get("made_as") != made_as:
            self.fault = "made with other settings"
        written = checksums.converted(folder)
        if any(
            name not in written or checksums.compared(folder / name, written[name]) for name in (PASSAGES, DUPLICATES)
        ):
            self.fault = "changed since it was written"
            return
        for name in (PASSAGES, DUPLICATES):
            for place, row in _rows(folder / name):
                self._places[name].setdefault(row["source"], []).append(place)
                if name == PASSAGES:
                    self.ids.add(row["id"])

    def facts(self, source: str) -> dict[str, Any]:
        """What is known of a file, to tell whether it is still the same."""
        return {} if self.fault else self.files.get(source, {})

    def rows(self, source: str) -> list[Row]:
        """All passages of a file in their order, duplicates among them."""
        kept, dropped = list[Row](), dict[int, Row]()
        for name in (PASSAGES, DUPLICATES):
            with (self._folder / name).open("rb") as file:
                for place in self._places[name].get(source, ()):
                    file.seek(place)
                    row = json.loads(file.readline())
                    if name == PASSAGES:
                        kept.append(row)
                    else:
                        dropped[row["position"]] = {key: value for key, value in row.items() if key not in OWN}
        for position in sorted(dropped):
            kept.insert(position, dropped[position])
        return kept


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Where each row begins, and the row."""
    place = 0
    with path.open("rb") as file:
        for line in file:
            yield place, json.loads(line)
            place += len(line)


def line(row: Mapping[str, Any]) -> bytes:
    """A row as a line of a file."""
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def seal(folder: Path, facts: Mapping[str, Any], rows: Mapping[str, int]) -> None:
    """Write the manifest, with the SHA-256 of every other file."""
    written = {name: {"rows": count, "sha256": checksums.digest(folder / name)} for name, count in rows.items()}
    write_json(folder / MANIFEST, {"format": FORMAT, "made_by": MADE_BY, **facts, "written": written})
