"""Which checkpoints a run keeps and where; a kill at any moment leaves the one before intact.

A run folder holds ``checkpoints/NAME-STEP/`` and a pointer ``checkpoints/NAME.json`` that is renamed into place after
its folder is whole. The pointer of ``last`` also names the checkpoint before, which is kept: `recover` goes back to it
where the newest is damaged. Every folder has checksums, and the pointer has the sum of these.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from jsarag import checksums, layout
from jsarag.checksums import Fault
from jsarag.files import read_json, write_json
from jsarag.types import InputError
from jsarag.whole import sweep as clear
from jsarag.whole import whole


@dataclass(frozen=True)
class Kept:
    """A checkpoint that is kept.

    Attributes:
        folder: Where it lies.
        step: The step it belongs to.
        sum: SHA-256 of its seal; empty where an earlier version wrote it.
    """

    folder: Path
    step: int
    sum: str = ""

    @property
    def seal(self) -> Path:
        """The file with its checksums."""
        return self.folder / checksums.FILE

    def faults(self) -> Iterator[Fault]:
        """What is wrong with its files; of an earlier version's nothing is known but whether the folder is there."""
        if self.sum or self.seal.exists() or not self.folder.is_dir():
            yield from checksums.faults(self.seal, expected=self.sum)

    def checked(self, parts: Collection[str]) -> AbstractContextManager[object]:
        """Compares the weights of some parts while the block reads them, and refuses what is damaged."""
        if not (self.sum or self.seal.exists()):
            return nullcontext()
        remedy = "put it back from a copy, or take other weights (--weights)"
        wanted = lambda name: name == layout.OLD_WEIGHTS or name.partition("/")[0] in parts  # noqa: E731
        return checksums.checked(self.seal, remedy, wanted, expected=self.sum)


def exists(run: Path, name: str) -> bool:
    """Whether the run has a checkpoint of that name, or should have: its folder is there and its pointer is lost."""
    return _pointer(run, name).exists() or bool(_folders(run, name))


def locate(run: Path, name: str) -> tuple[Path, int]:
    """Folder and step of checkpoint ``name``; ``InputError`` where the run has none, or its pointer is damaged."""
    kept = pointed(run, name)
    return kept.folder, kept.step


def pointed(run: Path, name: str) -> Kept:
    """The checkpoint that the pointer ``name`` names; errors as of `locate`."""
    if not exists(run, name):
        raise InputError(f"{run}: holds no checkpoint {name!r}")
    try:
        return entries(run, name)[0]
    except InputError as error:
        raise InputError(f"{error}; `jsarag train --resume {run}` looks for a checkpoint that is whole") from None


def entries(run: Path, name: str) -> list[Kept]:
    """What the pointer ``name`` names: a checkpoint, and the one before where one is kept; nothing without a pointer.

    Raises:
        InputError: the pointer is lost, or does not hold what was written.
    """
    pointer = _pointer(run, name)
    if not pointer.exists():
        if _folders(run, name):
            raise InputError(f"{pointer}: missing")
        return []
    record = read_json(pointer)
    try:
        named = [record, *([record["previous"]] if "previous" in record else [])]
        found = [Kept(pointer.parent / one["folder"], int(one["step"]), one.get("sha256", "")) for one in named]
    except (TypeError, KeyError, ValueError, AttributeError):
        found = []
    # A pointer with ``../`` would name another run's weights.
    own = all(
        one.folder.parent == pointer.parent and re.fullmatch(rf"{re.escape(name)}-0*{one.step}", one.folder.name)
        for one in found
    )
    if not found or not own:
        raise InputError(f"{pointer}: damaged")
    return found


@contextmanager
def written(run: Path, name: str, step: int) -> Iterator[Path]:
    """A folder to fill; when it is whole the pointer moves to it and what is no longer kept is removed."""
    folder = run / layout.CHECKPOINTS / f"{name}-{step:06d}"
    with whole(folder) as temporary:
        temporary.mkdir()
        yield temporary
        made = checksums.seal(temporary / checksums.FILE)
    before = entries(run, name)[0] if name == "last" and _pointer(run, name).exists() else None
    _point(run, name, Kept(folder, step, made), before)
    _prune(run, name)


def recover(run: Path, name: str, say: Callable[[str], None]) -> None:
    """Let the pointer ``name`` name the newest checkpoint that is whole, before a run goes on.

    Args:
        run: The run folder.
        name: The checkpoint's name.
        say: Told where that is not the newest, or the pointer was lost.

    Raises:
        InputError: none of them is whole.
    """
    told: list[str] = []
    try:
        found = entries(run, name)
    except InputError as error:
        told.append(str(error))
        found = [
            Kept(one, _step(one), checksums.digest(one / checksums.FILE))
            for one in reversed(_folders(run, name))
            if (one / checksums.FILE).is_file()
        ]
    for one in found:
        fault = next(one.faults(), None)
        if fault is None:
            if told:
                say(f"{told[0]}; the run goes on from {one.folder}, which is whole")
                _point(run, name, one, None)
            return
        told.append(str(fault))
    if told:
        raise InputError(f"{told[0]}; no checkpoint {name!r} is whole: put the file back from a copy")


def sweep(run: Path) -> None:
    """Remove what a kill left: folders ``last-STEP`` and ``best-STEP`` that no pointer names, and half-written ones."""
    clear(run / layout.CHECKPOINTS)
    for name in ("last", "best"):
        _prune(run, name)


def _point(run: Path, name: str, one: Kept, before: Kept | None) -> None:
    """Let the pointer name a checkpoint, and another one as the one before."""
    named = [{"folder": kept.folder.name, "step": kept.step, "sha256": kept.sum} for kept in (one, before) if kept]
    previous = {"previous": named[1]} if before and before.folder != one.folder else {}
    write_json(_pointer(run, name), named[0] | previous)


def _prune(run: Path, name: str) -> None:
    """Remove the folders of checkpoints of that name which the pointer does not name."""
    named = {one.folder for one in entries(run, name)}
    for folder in _folders(run, name):
        if folder not in named:
            shutil.rmtree(folder, ignore_errors=True)


def _pointer(run: Path, name: str) -> Path:
    return run / layout.CHECKPOINTS / f"{name}.json"


def _folders(run: Path, name: str) -> list[Path]:
    """Folders of checkpoints of that name, oldest first, whether a pointer names them or not."""
    found = [
        folder
        for folder in (run / layout.CHECKPOINTS).glob(f"{name}-*")
        if re.fullmatch(rf"{re.escape(name)}-\d{{6,}}", folder.name) and not folder.is_symlink()
    ]
    return sorted(found, key=_step)


def _step(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])
