"""Where a command may write: what exists there is its own, and nothing that the command reads."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from jsarag.types import InputError
from jsarag.whole import check_kind


def check_outputs(outputs: Mapping[str, Path | None], reads: Iterable[str | Path] = ()) -> None:
    """Refuse files that cannot or must not be written, before the work whose results they are to hold.

    Args:
        outputs: Files by option; None where an option was not given.
        reads: Files and folders that the command reads; a name of something on the hub is none.

    Raises:
        InputError: a folder, a device, a place without the right to write, a file for two options, or a file that the
            command reads or that lies in a folder which the command reads.
    """
    seen: dict[str, Path] = {}
    read = [path for path in map(Path, reads) if path.exists()]
    for option, path in outputs.items():
        if path is None:
            continue
        check_output(path, option)
        for other, taken in seen.items():
            if _same(path, taken):
                raise InputError(f"{option}: expected another file than {other}, got {path} for both")
        for place in read:
            if _within(path, place):
                what = f"lies in {place}, which" if place.is_dir() else "which"
                raise InputError(f"{option}: cannot write {path}, {what} this command reads; name a file elsewhere")
        seen[option] = path


def check_output(path: Path, option: str) -> None:
    """Refuse a file that cannot be written.

    Raises:
        InputError: a folder or a device of that name, a file where one of its folders should be, or no right to write
            there.
    """
    try:
        if path.is_dir():
            raise InputError(f"{option}: expected a file, got the folder {path}")
        there = next(folder for folder in path.parents if folder.exists())
        if not there.is_dir():
            raise InputError(f"{option}: expected a file in a folder, got {path}, but {there} is a file")
        try:
            check_kind(path, folder=False)
        except InputError as error:
            raise InputError(f"{option}: {error}") from None
        folder = next(folder for folder in Path(os.path.realpath(path)).parents if folder.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{option}: cannot write {path}: {there} is not writable")
        _try(folder)
    except OSError as error:
        if error.errno != errno.ENOSPC:  # there may be room when the file is written
            raise InputError(f"{option}: cannot write {path}: {error.strerror}") from None


def check_new_folder(folder: Path, option: str) -> None:
    """Refuse a folder that cannot be made or written, before the work whose results it is to hold.

    Raises:
        InputError: a file of that name or where one of its folders should be, or no right or way to write there.
    """
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not there.is_dir():
            if there == folder:
                raise InputError(f"{option}: {folder}: expected a folder, found a file")
            raise InputError(f"{option}: expected a folder, got {folder}, but {there} is a file")
        _try(there)
    except OSError as error:
        raise InputError(f"{option}: cannot write {folder}: {error.strerror}") from None


def check_folder(folder: Path, known: Collection[str], command: str) -> None:
    """Refuse to replace a folder that holds anything but files of these names.

    Args:
        folder: The folder; may be missing.
        known: Names of the files that ``command`` writes.
        command: What makes such folders, for the message.

    Raises:
        InputError: a file instead of a folder, or something in it that is not ours.
    """
    check_kind(folder, folder=True)
    if not folder.exists():
        return
    for entry in sorted(folder.iterdir()):
        if entry.name not in known or entry.is_symlink() or not entry.is_file():
            raise InputError(
                f"{folder}: exists and is not a folder made by `{command}` (it holds {entry.name}); name another"
            )


def check_apart(folder: Path, reads: Iterable[str | Path], *, around: bool = False) -> None:
    """Refuse a folder to write that is, holds or lies in one of the files and folders that are read.

    With ``around`` it may hold them: what is written there has names of its own.
    """
    for path in map(Path, reads):
        if not path.exists():
            continue
        if _same(path, folder) or (not around and _within(path, folder)):
            what = "is" if _same(path, folder) else f"holds {path},"
            raise InputError(f"{folder}: cannot be written: {what} what is read; name a folder elsewhere")
        if path.is_dir() and _within(folder, path):
            raise InputError(f"{folder}: cannot be written: lies in {path}, which is read; name a folder elsewhere")


def _try(folder: Path) -> None:
    """Write there: rights alone do not tell, for of some file systems the root may write nothing either."""
    Path(tempfile.mkdtemp(prefix=".jsarag-", dir=folder)).rmdir()


def _within(path: Path, folder: Path) -> bool:
    """Whether a path is the folder or lies in it, by whatever names."""
    real = Path(os.path.realpath(path))
    return any(_same(place, folder) for place in (real, *real.parents))


def _same(a: Path, b: Path) -> bool:
    return os.path.realpath(a) == os.path.realpath(b) or (a.exists() and b.exists() and a.samefile(b))
