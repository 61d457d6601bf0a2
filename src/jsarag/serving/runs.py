"""The runs of a folder, their reports, and two of them side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from jsarag import api, layout
from jsarag.files import read_json, read_text
from jsarag.parsing import load_run
from jsarag.report.verdict import verdict
from jsarag.run.work import finished
from jsarag.serving.errors import RefusedError
from jsarag.types import InputError

_drawing = Lock()
"""Charts are drawn by a library that is not made for threads."""


class Runs:
    """The served run, or each run of a folder."""

    def __init__(self, served: Path, folder: Path | None) -> None:
        self.served, self.folder = served, folder

    def folders(self) -> dict[str, Path]:
        """The folders by name."""
        found = sorted(self.folder.iterdir()) if self.folder else [self.served]
        return {path.resolve().name: path for path in found if (path / layout.CONFIG).is_file()}

    def listed(self) -> list[dict[str, Any]]:
        """A line a run."""
        return [_line(name, path) for name, path in self.folders().items()]

    def report(self, name: str) -> str:
        """The report page.

        Raises:
            RefusedError: no such run, or one without a report.
        """
        path = self._folder(name) / layout.REPORT
        if not path.is_file():
            raise RefusedError(404, f"run: {name} has no report yet", param="run")
        return read_text(path)

    def compare(self, names: list[str]) -> str:
        """The page that sets runs side by side.

        Raises:
            RefusedError: no such run.
            InputError: runs that cannot be compared.
        """
        folders = [self._folder(name) for name in names]
        with TemporaryDirectory() as place, _drawing:
            page = Path(place) / "compare.html"
            api.compare(folders, page=page)
            return read_text(page)

    def _folder(self, name: str) -> Path:
        folders = self.folders()
        if name not in folders:
            raise RefusedError(404, f"run: no run {name[:100]!r}", param="run")
        return folders[name]


def _line(name: str, path: Path) -> dict[str, Any]:
    try:
        objective, done = load_run(path).objective.name, finished(path)
        told = _headline(read_json(path / layout.SUMMARY)) if done else ""
    except (InputError, OSError) as error:
        return {"name": name, "objective": "", "finished": False, "headline": str(error)}
    return {"name": name, "objective": objective, "finished": done, "headline": told}


def _headline(summary: Mapping[str, Any]) -> str:
    before, after, cost = summary.get("before"), summary.get("after"), summary["cost"]
    return verdict(before, after, summary.get("paired", {}), summary["run"], cost).headline
