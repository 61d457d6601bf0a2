"""The files of what a user names: files, folders, patterns, and what lies in zip files."""

from __future__ import annotations

import glob
import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath

from jsarag.data.formats import is_address
from jsarag.documents.document import UnreadableError
from jsarag.documents.formats.raw import extension_of
from jsarag.documents.kinds import check_size, known
from jsarag.documents.reading import DAMAGED, member
from jsarag.types import InputError

DEEPEST = 3
"""Zip files within zip files that are opened."""
MEMBERS = 100_000
"""Files that an archive may hold."""
_IGNORED = ("~$", "__MACOSX", "Thumbs.db", "desktop.ini")
_SAVED = ("state.json", "dataset_info.json")
"""What `datasets` writes beside the tables of a split."""
_KINDS: dict[Callable[[int], bool], str] = {
    stat.S_ISFIFO: "a pipe, not a file",
    stat.S_ISSOCK: "a socket, not a file",
    stat.S_ISCHR: "a device, not a file",
    stat.S_ISBLK: "a device, not a file",
    stat.S_ISDIR: "a link to a folder; name that folder itself",
}


@dataclass(frozen=True)
class Source:
    """A file to read.

    Attributes:
        name: Its path from the folder that was given, with ``/``; what lies in an archive has the archive's before it.
        path: Where it lies, or the archive that holds it.
        inside: Its name in the archive, after those of archives within that archive.
    """

    name: str
    path: Path
    inside: tuple[str, ...] = ()


@dataclass
class Found:
    """What the named paths hold.

    Attributes:
        sources: Files of a format that is read, by name in order.
        errors: The reason for each file that cannot be read, by name.
        others: How many files of each other extension there are.
    """

    sources: list[Source] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)


def find(paths: Sequence[str | Path]) -> Found:
    """Look for files; hidden ones and those that systems leave behind are passed over.

    Raises:
        InputError: a path that is not there, a pattern that fits nothing, or one name for two files.
    """
    found = Found()
    roots: dict[str, Path] = {}
    for root in _named(paths):
        for raw, path in _below(root):
            name = os.fsencode(raw).decode("utf-8", "replace")  # of a name that is no text no file could be written
            if name not in roots:
                roots[name] = path
                _add(found, Source(name, path))
            elif roots[name] != path:
                raise InputError(f"{roots[name]} and {path}: both are {name!r} here; name the folder above both")
    found.sources.sort(key=lambda source: source.name)
    return found


def _named(paths: Iterable[str | Path]) -> Iterator[Path]:
    for path in map(str, paths):
        if os.path.lexists(path):
            yield Path(path)
        elif is_address(path):
            raise InputError(f"{path}: expected documents; a data set needs no ingest: give it to --data.passages")
        elif glob.has_magic(path):
            fitting = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (a path may be absolute)
            if not fitting:
                raise InputError(f"{path}: no file fits this pattern")
            yield from (Path(one) for one in fitting if not Path(one).is_dir())
        else:
            raise InputError(f"{path}: no such file or folder")


def _below(root: Path) -> Iterator[tuple[str, Path]]:
    """Files with their names; a file that is named itself keeps the path it was given, unless that leads upwards."""
    if not root.is_dir():
        inner = not root.is_absolute() and ".." not in root.parts
        yield (root.as_posix() if inner else root.name), root
        return
    for folder, folders, files in os.walk(root, followlinks=False):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in links and not _hidden(name))
        beside = _SAVED if _SAVED[0] in files else ()
        for name in sorted([*files, *links]):
            if not _hidden(name) and name not in beside:
                path = Path(folder) / name
                yield path.relative_to(root).as_posix(), path


def _hidden(name: str) -> bool:
    return name.startswith((".", *_IGNORED))


def _add(found: Found, source: Source) -> None:
    try:
        mode = source.path.stat().st_mode
    except OSError as error:
        linked = source.path.is_symlink()
        found.errors[source.name] = "a link that leads nowhere" if linked else f"cannot be read: {error.strerror}"
        return
    if not stat.S_ISREG(mode):
        found.errors[source.name] = next(what for holds, what in _KINDS.items() if holds(mode))
        return
    if extension_of(source.name) == ".zip":
        try:
            with zipfile.ZipFile(source.path) as archive:
                _open(found, source, archive, source.path.stat().st_size)
        except UnreadableError as error:
            found.errors[source.name] = str(error)
        except DAMAGED as error:
            found.errors[source.name] = f"not a zip file, or damaged ({error})"
    else:
        _sort(found, source)


def _sort(found: Found, source: Source) -> None:
    extension = extension_of(source.name)
    if known(extension):
        found.sources.append(source)
    else:
        found.others[extension] = found.others.get(extension, 0) + 1


def _open(found: Found, source: Source, archive: zipfile.ZipFile, size: int) -> None:
    """Look into an archive, the names of whose files are never used as paths."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    check_size(sum(entry.file_size for entry in entries), size)
    if len(entries) > MEMBERS:
        raise UnreadableError(f"too large: holds {len(entries):,} files; expected at most {MEMBERS:,}")
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        inner = Source(f"{source.name}/{path}", source.path, (*source.inside, entry.filename))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            found.errors[inner.name] = "its name leads out of the archive"
        elif any(map(_hidden, path.parts)):
            continue
        elif entry.flag_bits & 1:
            found.errors[inner.name] = "needs a password"
        elif extension_of(inner.name) == ".zip":
            _nested(found, inner, archive, entry)
        else:
            _sort(found, inner)


def _nested(found: Found, source: Source, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    try:
        if len(source.inside) > DEEPEST - 1:
            raise UnreadableError(f"more than {DEEPEST} archives within each other; unpack it")
        data = member(archive, entry.filename)
        with zipfile.ZipFile(BytesIO(data)) as inner:
            _open(found, source, inner, len(data))
    except UnreadableError as error:
        found.errors[source.name] = str(error)
    except DAMAGED as error:
        found.errors[source.name] = f"not a zip file, or damaged ({error})"
