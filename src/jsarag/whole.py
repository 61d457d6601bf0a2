"""A file or folder is replaced whole or not at all, whatever kills its writer and whatever the system refuses.

While ``folder/NAME`` is written, a private folder ``folder/.NAME.RANDOM.jsarag`` stands beside it. That folder holds
``lock``, which the writer holds for as long as it lives; ``new``, which the writer fills; and ``old``, which was
moved aside. Whoever gets the lock knows that the writer is dead and clears the private folder away: neither the name
of the machine nor the number of the process matters.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from jsarag.types import InputError

if sys.platform != "win32":
    import fcntl

_LOCKS = os.name != "nt"
"""Whether this system has the locks by which dead writers are known; elsewhere nothing is swept."""

_WORK = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{16}\.jsarag", re.DOTALL)
_PARTS = frozenset({"lock", "new", "old"})
_KINDS = {
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link that leads nowhere",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
}


class RefusedError(OSError):
    """The system refused to read or write: one line that names the file, the reason and the free space."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}" if self.filename else str(self.strerror)


@contextmanager
def whole(path: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Give a temporary path; the file or folder left there replaces ``path`` if the block succeeds.

    A kill at any moment leaves the old file or folder, or the new one, and no mixture. (Where the system cannot
    exchange two folders in one step, a kill can leave none for that moment; `sweep` brings the old one back.) All of
    the new one is on the disk before it takes its name. Modes stay those of what is replaced, new files get the mode
    that the umask gives. A link is followed, and stays.

    Args:
        path: The file or folder to write; its folders are made.
        check: Given ``path`` before the block and again before what is there is replaced; raises to refuse.

    Raises:
        InputError: ``path`` is a device, pipe or socket, or a folder where a file is written, or the reverse.
        RefusedError: the system refuses to write.
    """
    target = Path(os.path.realpath(path))
    with naming(path):
        _make(target.parent)
        check_kind(path)
        if check is not None:
            check(path)
        sweep(target.parent)
        work, lock = _begin(target)
    new = work / "new"
    try:
        with naming(path):
            yield new
            check_kind(path, folder=new.is_dir())
            if check is not None:
                check(path)
            outermost = target == meant(target)  # what is written into such a folder waits for the disk with it
            if outermost:
                _sync_all(new)  # before modes may forbid to read
            _settle(new, target, stat.S_IMODE(os.fstat(lock).st_mode))
            _replace(new, target, work / "old")
            if outermost:
                sync(target.parent)
    finally:
        _end(target, work)
        os.close(lock)


def sweep(folder: Path) -> None:
    """Clear away what writers that are dead left in ``folder``; what they had moved aside comes back."""
    if not _LOCKS:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = _WORK.fullmatch(entry.name)
            if name and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    _sweep(folder / entry.name, folder / name["name"])


def check_kind(path: Path, *, folder: bool | None = None) -> None:
    """Refuse what must not be replaced, links resolved; ``folder``: whether a folder is to be there, None: unknown."""
    try:
        kind = stat.S_IFMT(os.lstat(os.path.realpath(path)).st_mode)
    except FileNotFoundError:
        return
    expected = {True: (stat.S_IFDIR,), False: (stat.S_IFREG,), None: (stat.S_IFDIR, stat.S_IFREG)}[folder]
    if kind not in expected:
        raise InputError(f"{path}: expected {'a folder' if folder else 'a regular file'}, found {_KINDS[kind]}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let what the system refuses within the block name ``path`` where the error names no file, or a private one."""
    try:
        yield
    except Exception as error:
        named = _named(error)
        if (_code(error) in _TOLD) if named is None else (named != meant(named)):
            raise _refused(error, path) from error
        raise


def refusal(error: Exception) -> RefusedError | None:
    """The line for an error in which the system refused something; None for every other error."""
    return None if _code(error) is None else _refused(error, None)


# What is the disk's or the limits' doing even where no file is named; libraries tell it in the system's words alone.
_TOLD = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EMFILE, errno.ENFILE, errno.EIO)


def _code(error: Exception) -> int | None:
    if isinstance(error, InputError):
        return None
    if isinstance(error, OSError):
        return error.errno
    return next((code for code in _TOLD if os.strerror(code) in str(error)), None)


def _named(error: Exception) -> Path | None:
    name = getattr(error, "filename", None)
    return Path(os.fsdecode(name)) if isinstance(name, str | bytes | os.PathLike) else None


def meant(path: Path) -> Path:
    """What a path will be called once the private folders in it have been renamed."""
    for place in (path, *path.parents):
        if name := _WORK.fullmatch(place.name):
            return meant(place.parent / name["name"]).joinpath(*path.relative_to(place).parts[1:])
    return path


def _refused(error: Exception, path: Path | None) -> RefusedError:
    """The refusal in ``error``, which names ``path`` where the error names no file."""
    if isinstance(error, RefusedError):
        return error
    code, named = _code(error), _named(error)
    assert code is not None
    file = path if named is None else named
    if file is None:
        return RefusedError(code, os.strerror(code))
    file = meant(file)
    # `os.path.exists`, for which a name that is too long is not there; to `Path.exists` in Python 3.11 it is an error.
    there = next((place for place in (file, *file.absolute().parents) if os.path.exists(place)), Path())  # noqa: PTH110
    return RefusedError(code, f"{os.strerror(code)} ({shutil.disk_usage(there).free / 1e6:,.1f} MB free)", str(file))


def _make(folder: Path) -> None:
    """Make a folder and those above it, each on the disk."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def _begin(target: Path) -> tuple[Path, int]:
    """The private folder of this writer, and the descriptor that holds its lock."""
    while True:
        work = target.with_name(f".{target.name}.{secrets.token_hex(8)}.jsarag")
        work.mkdir(0o700)
        try:
            # Made as any new file is, so that its mode is the one the umask gives.
            lock = os.open(work / "lock", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileNotFoundError:  # another process swept the folder before it was locked
            continue
        if _locked(lock) and (work / "lock").exists():
            return work, lock
        os.close(lock)


def _locked(lock: int) -> bool:
    """Take the lock; where the file system has no locks, nobody else gets the lock either."""
    try:
        if _LOCKS:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _sweep(work: Path, target: Path) -> None:
    if work.stat().st_uid != os.geteuid() or not _PARTS.issuperset(entry.name for entry in work.iterdir()):
        return
    try:
        lock = os.open(work / "lock", os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:  # killed before the first file, or after the last; a folder with files in it stays
        work.rmdir()
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _end(target, work)
    finally:
        os.close(lock)


def _end(target: Path, work: Path) -> None:
    """Bring back what was moved aside and not replaced; remove the rest, the lock last."""
    new, old = work / "new", work / "old"
    if os.path.lexists(old) and not os.path.lexists(target):
        old.replace(target)
        sync(target.parent)
    for left in (new, old):
        _remove(left)
    with suppress(OSError):
        if not new.exists() and not old.exists():
            (work / "lock").unlink(missing_ok=True)
            work.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _settle(new: Path, over: Path, usual: int) -> None:
    """Give all that was written its mode.

    Args:
        new: What was written.
        over: What it replaces, if that is there; keeps its mode and its owner.
        usual: Mode of a new file.
    """
    if new.is_dir():
        for entry in list(new.iterdir()):
            _settle(entry, over / entry.name, usual)
    now, old = new.stat(), over.lstat() if os.path.lexists(over) else None
    if old is not None and stat.S_IFMT(old.st_mode) == stat.S_IFMT(now.st_mode):
        if (old.st_uid, old.st_gid) != (now.st_uid, now.st_gid):
            with suppress(PermissionError):
                os.chown(new, old.st_uid, old.st_gid)
        new.chmod(stat.S_IMODE(old.st_mode))
    elif stat.S_ISREG(now.st_mode):
        new.chmod(usual)


def _sync_all(new: Path) -> None:
    """Wait until all that was written is on the disk: all files at once, which the disk does together; then folders."""
    paths = [new, *new.rglob("*")] if new.is_dir() else [new]
    with ThreadPoolExecutor() as pool:
        list(pool.map(sync, (path for path in paths if not path.is_dir())))
    for folder in reversed([path for path in paths if path.is_dir()]):
        sync(folder)


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that knows no such wait
            raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(descriptor)


def _replace(new: Path, target: Path, old: Path) -> None:
    if new.is_dir() and target.is_dir():
        if _exchanged(new, target):
            return
        target.replace(old)
    new.replace(target)


def _exchanged(new: Path, target: Path) -> bool:
    """Exchange two names in one step; False where the system cannot (Linux can, on most file systems)."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if rename(here, os.fsencode(new), here, os.fsencode(target), exchange) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(target))
