"""Before an index is made: which kind, what it will take, and whether that is there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from jsarag.index.flat import Flat
from jsarag.index.index import Index, Kind, Needs, Vectors
from jsarag.index.ivf import IVF
from jsarag.index.ivf_pq import IVFPQ
from jsarag.index.torch_exact import Torch
from jsarag.types import InputError

EXACT_UP_TO = 200_000
"""Passages that exact search is quick enough for on a CPU: about 0.2 s for 64 queries of 384 dimensions."""


@dataclass(frozen=True)
class Room:
    """What a machine has left, in bytes: memory, the disk the index goes to, and the GPU, 0 where there is none."""

    memory: int
    disk: int
    device: int = 0


@dataclass(frozen=True)
class Plan:
    """A kind of index and what it will take.

    Attributes:
        kind: The kind, with its settings.
        reason: Why this one, for people; empty where the user named it.
        needs: Of the index.
        vectors: Bytes of the vectors' file.
    """

    kind: Kind
    reason: str
    needs: Needs
    vectors: int

    def __str__(self) -> str:
        parts = [f"index {self.kind.name}" + (f" ({self.reason})" if self.reason else "")]
        parts.append(f"about {gigabytes(self.needs.memory)} memory")
        if self.needs.device:
            parts.append(f"{gigabytes(self.needs.device)} on the GPU")
        return ", ".join([*parts, f"{gigabytes(self.needs.disk + self.vectors)} disk"])


@dataclass(frozen=True)
class Auto(Kind):
    """Chosen by the number of passages and the memory at hand: exact where that is quick enough; the choice is printed.

    Attributes:
        recall: Share of the exact top 20 that must be found where the choice is not exact.
    """

    name = "auto"

    recall: float = 0.95

    def __post_init__(self) -> None:
        _ = self.options

    @property
    def options(self) -> tuple[Torch, Flat, IVF, IVFPQ]:
        """What is chosen among."""
        return Torch(), Flat(), IVF(self.recall), IVFPQ(self.recall)

    def build(self, vectors: Vectors) -> Index:
        """Build the kind that fits."""
        return self._chosen(*vectors.shape).build(vectors)

    def load(self, folder: Path, vectors: Vectors) -> Index:
        """Load as the kind that fits."""
        return self._chosen(*vectors.shape).load(folder, vectors)

    def needs(self, passages: int, dimensions: int) -> Needs:
        """Those of the kind that fits."""
        return self._chosen(passages, dimensions).needs(passages, dimensions)

    def _chosen(self, passages: int, dimensions: int) -> Kind:
        return plan(passages, dimensions, self, room_at(Path.cwd())).kind


def plan(passages: int, dimensions: int, kind: Kind, room: Room) -> Plan:
    """Choose a kind where ``kind`` is `Auto`, and make sure that it fits.

    Raises:
        InputError: what the index needs is not there; says what would fit, if anything does.
    """

    def planned(kind: Kind, reason: str = "") -> Plan:
        return Plan(kind, reason, kind.needs(passages, dimensions), 4 * passages * dimensions)

    if not isinstance(kind, Auto):
        found = planned(kind)
        if not _fits(found, room):
            others = [other.name for other in (IVF(), IVFPQ()) if _fits(planned(other), room)]
            hint = f"; it would with index.kind {others[0]}" if others else "; milvus keeps it on other machines"
            raise InputError(f"index.kind: {found} do not fit into {_have(room)}{hint}")
        return found
    on_gpu, flat, ivf, least = kind.options
    found = planned(on_gpu, "exact, the vectors fit on the GPU")
    if room.device and 2 * found.needs.device <= room.device:
        return found
    choices = (
        planned(flat, f"exact, up to {EXACT_UP_TO:,} passages"),
        planned(ivf, f"more than {EXACT_UP_TO:,} passages, and they fit in memory"),
        planned(least, "the vectors would not fit in memory"),
    )
    for choice in choices[passages > EXACT_UP_TO :]:
        if _fits(choice, room):
            return choice
    raise InputError(
        f"index: {passages:,} passages of {dimensions} dimensions do not fit into {_have(room)}; "
        f"the least is {planned(least)}; milvus keeps them on other machines"
    )


def room_at(folder: Path) -> Room:
    """What this machine has left, the disk that of ``folder`` or of its nearest parent that exists."""
    while not folder.exists():
        folder = folder.parent
    device = torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else 0
    return Room(psutil.virtual_memory().available, shutil.disk_usage(folder).free, device)


def gigabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def _fits(plan: Plan, room: Room) -> bool:
    """A tenth is left for the rest of the program."""
    needs = plan.needs
    return (
        needs.memory <= 0.9 * room.memory
        and needs.disk + plan.vectors <= 0.9 * room.disk
        and (not needs.device or needs.device <= 0.9 * room.device)
    )


def _have(room: Room) -> str:
    return f"{gigabytes(room.memory)} of free memory and {gigabytes(room.disk)} of free disk"
