"""Before an index is made: which kind, what it will take, and whether that is there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch

from jsarag.index.index import Needs
from jsarag.index.kinds import AUTO, INDEXES
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
        kind: Name of the kind.
        reason: Why this one, for people; empty where the user named it.
        needs: Of the index.
        vectors: Bytes of the vectors' file.
    """

    kind: str
    reason: str
    needs: Needs
    vectors: int

    def __str__(self) -> str:
        """One line for people."""
        parts = [f"index {self.kind}" + (f" ({self.reason})" if self.reason else "")]
        parts.append(f"about {gigabytes(self.needs.memory)} memory")
        if self.needs.device:
            parts.append(f"{gigabytes(self.needs.device)} on the GPU")
        return ", ".join([*parts, f"{gigabytes(self.needs.disk + self.vectors)} disk"])


def plan(passages: int, dimensions: int, kind: str, room: Room) -> Plan:
    """Choose a kind where ``kind`` is ``auto``, and make sure that it fits.

    Raises:
        InputError: what the index needs is not there; says what would fit, if anything does.
    """
    vectors = 4 * passages * dimensions
    plans = {name: Plan(name, "", index.needs(passages, dimensions), vectors) for name, index in INDEXES.items()}
    if kind != AUTO:
        if not _fits(plans[kind], room):
            others = [name for name in ("ivf", "ivf-pq") if _fits(plans[name], room)]
            hint = f"; it would with index.kind {others[0]}" if others else "; milvus keeps it on other machines"
            raise InputError(f"index.kind: {plans[kind]} do not fit into {_have(room)}{hint}")
        return plans[kind]
    if room.device and 2 * plans["torch"].needs.device <= room.device:
        return replace(plans["torch"], reason="exact, the vectors fit on the GPU")
    if passages <= EXACT_UP_TO and _fits(plans["flat"], room):
        return replace(plans["flat"], reason=f"exact, up to {EXACT_UP_TO:,} passages")
    if _fits(plans["ivf"], room):
        return replace(plans["ivf"], reason=f"more than {EXACT_UP_TO:,} passages, and they fit in memory")
    if _fits(plans["ivf-pq"], room):
        return replace(plans["ivf-pq"], reason="the vectors would not fit in memory")
    raise InputError(
        f"index: {passages:,} passages of {dimensions} dimensions do not fit into {_have(room)}; "
        f"the least is {plans['ivf-pq']}; milvus keeps them on other machines"
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
