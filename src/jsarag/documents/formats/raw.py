"""A file's name and bytes, wherever they lie."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Raw:
    """A file.

    Attributes:
        name: Its path within what was given, with ``/``.
        data: Its bytes.
    """

    name: str
    data: bytes

    @property
    def extension(self) -> str:
        """See `extension_of`."""
        return extension_of(self.name)

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """A temporary copy with the same extension, for what reads files alone."""
        with tempfile.TemporaryDirectory(prefix="jsarag-") as folder:
            path = Path(folder) / f"file{self.extension}"
            path.write_bytes(self.data)
            yield path


def extension_of(name: str) -> str:
    """In lower case, with its dot; that before ``.gz``, together with it."""
    path = PurePosixPath(name.lower())
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
