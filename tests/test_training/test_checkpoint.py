"""Checkpoints in the folder of a run, among what a user keeps there."""

from __future__ import annotations

from pathlib import Path

from jsarag.training.checkpoint import locate, save_models
from jsarag.training.models import Parts
from tests.own import Words


def test_only_folders_that_are_checkpoints_are_pruned(tmp_path: Path) -> None:
    root = tmp_path / "checkpoints"
    parts: Parts = {"prior": Words()}
    users = ("last-notes", "last-000001-kept", "last-1", "best-000001.txt", "last")
    for name in users:
        (root / name).mkdir(parents=True)
        (root / name / "thesis.tex").write_text("years of work")
    (root / "last-000002").symlink_to("last-notes")
    for step in (1, 3, 1_000_000, 1_000_001):
        save_models(tmp_path, "last", parts, step)
    save_models(tmp_path, "best", parts, 7)
    # Of `last` the one before is kept as well.
    names = {"last.json", "last-1000001", "last-1000000", "best.json", "best-000007", "last-000002", *users}
    assert {path.name for path in root.iterdir()} == names
    assert all((root / name / "thesis.tex").exists() for name in users)
    assert locate(tmp_path, "last") == (root / "last-1000001", 1_000_001)
