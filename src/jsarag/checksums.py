"""SHA-256 of files, written beside them and compared whenever they are read: no damage is silent.

A seal is a JSON file that names other files of its folder with their SHA-256. A folder that is written whole holds one,
``checksums.json``. The seal also names the run in whose folder it was written, so a file of another run is noticed.
What identifies a run is the last line of its ``config.yaml``, a comment with a random number and the SHA-256 of the
lines above.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jsarag import layout
from jsarag.files import read_bytes, read_json, write_json
from jsarag.types import InputError
from jsarag.whole import meant

FILE, CONFIG, MANIFEST = layout.CHECKSUMS, layout.CONFIG, layout.MANIFEST
FORMAT = 1

_MARK = re.compile(rb"# jsarag: run (?P<run>[0-9a-f]{32}), sha256 of the lines above (?P<sum>[0-9a-f]{64})\n\Z")
_IN_RUN = (layout.INDEX, layout.TRAINED_INDEX, layout.EVALUATION)
_DEEPER = (layout.REBUILT, layout.CHECKPOINTS)
"""Places of a run whose folders, and folders' folders, are sealed."""


Names = Collection[str] | Callable[[str], bool] | None


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True)
class Seal:
    """A seal as read.

    Attributes:
        run: The run in whose folder it was written; empty outside of one.
        files: SHA-256 by name of a file, relative to the seal's folder.
    """

    run: str
    files: Mapping[str, str]


def digest(path: Path) -> str:
    """SHA-256 of a file; other threads go on meanwhile."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(path: Path, names: Iterable[str] | None = None, known: Mapping[str, str] | None = None) -> str:
    """Write the seal ``path`` over files of its folder; returns the SHA-256 of the seal itself.

    Args:
        path: The seal.
        names: The files, relative to its folder; None: all in it, and in its folders.
        known: SHA-256 of further files that are yet to be written.
    """
    folder = path.parent
    if names is None:
        names = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p != path and p.is_file())
    listed = sorted(names)
    with ThreadPoolExecutor() as pool:
        files = dict(zip(listed, pool.map(digest, (folder / name for name in listed)), strict=True)) | dict(known or {})
    write_json(path, {"format": FORMAT, "run": run_of(folder), "files": files})
    return digest(path)


def read_seal(path: Path) -> Seal:
    """Read a seal.

    Raises:
        InputError: the file is missing, or is no seal.
    """
    value = read_json(path)
    files = value.get("files") if isinstance(value, dict) else None
    if not isinstance(files, dict) or not all(isinstance(made, str) for made in files.values()):
        raise InputError(f"{path}: damaged (no SHA-256 of files)")
    return Seal(str(value.get("run", "")), files)


def faults(path: Path, names: Names = None, *, expected: str = "") -> Iterator[Fault]:
    """Compare files with their seal ``path``, several at once; yields what is wrong.

    Args:
        path: The seal.
        names: Compare these of its files alone, or those for which a function of the name holds; None: all.
        expected: SHA-256 of the seal, where another file knows it.
    """
    if not path.is_file():
        yield Fault(path, "missing")
        return
    if expected and digest(path) != expected:
        yield Fault(path, "damaged or exchanged")
        return
    try:
        found = read_seal(path)
    except InputError:
        yield Fault(path, "damaged")
        return
    run = run_of(path.parent)
    if run and found.run and run != found.run:
        yield Fault(path, "belongs to another run")
        return
    chosen = names if callable(names) else (lambda name: names is None or name in names)
    listed = {path.parent / name: made for name, made in found.files.items() if chosen(name)}
    with ThreadPoolExecutor() as pool:
        for fault in pool.map(compared, listed, listed.values()):
            if fault:
                yield fault


def compared(path: Path, expected: str) -> Fault | None:
    """What is wrong with a file that should have this SHA-256."""
    if not path.is_file():
        return Fault(path, "missing")
    return None if digest(path) == expected else Fault(path, "damaged or exchanged (its SHA-256 is another)")


def check(path: Path, remedy: str, names: Names = None, *, expected: str = "") -> None:
    """Refuse files that are not as their seal says; arguments as of `faults`.

    Raises:
        InputError: the first fault, and what to do (``remedy``).
    """
    for fault in faults(path, names, expected=expected):
        raise InputError(f"{fault}; {remedy}")


@contextmanager
def checked(path: Path, remedy: str, names: Names = None, *, expected: str = "") -> Iterator[Callable[[], None]]:
    """`check` in other threads while the block reads the files; what is given waits for the result within the block.

    An error of the block that damage explains is told as damage.
    """
    with ThreadPoolExecutor(1) as pool:
        checking = pool.submit(check, path, remedy, names, expected=expected)
        try:
            yield checking.result
        except Exception as error:
            damage = checking.exception()
            if damage is not None and damage is not error:
                raise damage from error
            raise
        checking.result()


def converted(folder: Path) -> dict[str, str]:
    """SHA-256 by name of the files that `jsarag data` wrote into a folder, as its manifest says; elsewhere nothing.

    Raises:
        InputError: a file ``manifest.json`` that is no JSON.
    """
    path = folder / MANIFEST
    manifest = read_json(path) if path.is_file() else None
    written = manifest.get("written") if isinstance(manifest, dict) else None
    facts = written.items() if isinstance(written, dict) else ()
    return {name: str(fact.get("sha256")) for name, fact in facts if isinstance(fact, dict)}


def check_converted(path: Path) -> None:
    """Refuse a file that `jsarag data` wrote and that is no longer what it wrote.

    Raises:
        InputError: the file's SHA-256 is not that of the manifest.
    """
    try:
        expected = converted(path.parent).get(path.name)
    except InputError:  # a manifest of something else, or a damaged one: what the file was is not known
        return
    if expected and path.is_file() and (fault := compared(path, expected)):
        raise InputError(f"{fault}; put it back from a copy, or remove {MANIFEST} if it was changed on purpose")


def signed(text: str, run: str) -> str:
    """The text of a run's ``config.yaml`` with the line that identifies the run, which `identity` gives."""
    made = hashlib.sha256(f"{text}{run}".encode()).hexdigest()
    return f"{text}# jsarag: run {run}, sha256 of the lines above {made}\n"


def identity(run: Path) -> str:
    """What identifies the run of a folder: that of its configuration, or of anything in the folder, or a new one."""
    if known := _identity(run / CONFIG):
        return known
    for path in sorted(run.glob(f"**/{FILE}")):
        try:
            if known := read_seal(path).run:
                return known
        except InputError:
            continue
    return secrets.token_hex(16)


def is_sealed(run: Path) -> bool:
    """Whether a run's files must have seals: its configuration identifies it, which earlier versions did not."""
    return bool(_identity(run / CONFIG))


def config_fault(path: Path) -> Fault | None:
    """What is wrong with a run's ``config.yaml``, as far as its last line tells."""
    raw = read_bytes(path)
    mark = _MARK.search(raw)
    if mark is None:  # of an earlier version, or the line was removed
        return None if raw.endswith(b"\n") else Fault(path, "cut short")
    made = hashlib.sha256(raw[: mark.start()] + mark["run"]).hexdigest().encode()
    return None if made == mark["sum"] else Fault(path, "damaged, or edited since it was written")


def check_config(path: Path, fault: Fault | None = None) -> None:
    """Refuse a run's ``config.yaml`` with what is wrong with it: what `config_fault` finds, or the ``fault`` given."""
    if found := fault or config_fault(path):
        raise InputError(f"{found}; put it back from a copy, or remove its last line if it was edited on purpose")


def run_of(folder: Path) -> str:
    """What identifies the run that a folder is, or in whose known places it lies; empty elsewhere."""
    place = meant(folder.absolute())
    if (place / CONFIG).is_file():
        return _identity(place / CONFIG)
    if place.name in _IN_RUN:
        return _identity(place.parent / CONFIG)
    return _identity(place.parent.parent / CONFIG) if place.parent.name in _DEEPER else ""


def _identity(config: Path) -> str:
    try:
        mark = _MARK.search(config.read_bytes())
    except OSError:
        return ""
    return mark["run"].decode() if mark else ""
