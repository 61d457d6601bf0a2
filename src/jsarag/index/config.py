"""Which index a run has: its kind with that kind's settings, or the folder of one that is there."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from jsarag.checks import require
from jsarag.config import AnyPath, as_paths, plain
from jsarag.index.index import Kind
from jsarag.index.kinds import INDEXES


@dataclass(frozen=True)
class IndexConfig:
    """The index over the passages.

    Attributes:
        kind: How to search, with the settings of that kind; a name of `jsarag.index.INDEXES` for its usual settings.
        path: Folder made by `jsarag index`; null: encode the passages of this run and keep them in its folder.
    """

    kind: Kind | str = "auto"
    path: AnyPath | None = None

    def __post_init__(self) -> None:
        as_paths(self, "index.", "path")
        if isinstance(self.kind, str):
            object.__setattr__(self, "kind", INDEXES.named(self.kind, "index.kind")())
        require(isinstance(self.kind, Kind), "index.kind", "a kind of index or its name", self.kind)

    @property
    def settled(self) -> Kind:
        """The kind, which is no name any more."""
        assert isinstance(self.kind, Kind)
        return self.kind

    def plain(self) -> dict[str, Any]:
        """Name and settings of the kind side by side, as in YAML files and on the command line."""
        return {**as_plain(self.settled), "path": plain(self.path)}


def as_plain(kind: Kind) -> dict[str, Any]:
    """Name and settings of a kind, ready for JSON."""
    return {"kind": kind.name} | {field.name: plain(getattr(kind, field.name)) for field in fields(kind)}


def from_plain(values: dict[str, Any]) -> Kind:
    """The kind that `as_plain` described; what its class does not know, an older release wrote for all kinds."""
    kind = INDEXES.named(values["kind"], "index.kind", values.get("package", ""))
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})
