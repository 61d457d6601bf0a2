"""The scripts in examples/, with tiny models in the place of the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=[script.stem for script in EXAMPLES])
def test_example(script: Path, encoder_model: Path, causal_model: Path, tmp_path: Path) -> None:
    # A local folder goes before a packaged model.
    (tmp_path / "all-MiniLM-L6-v2").symlink_to(encoder_model)
    (tmp_path / "SmolLM2-135M-Instruct").symlink_to(causal_model)
    paths = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=paths, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert {path.name for path in tmp_path.iterdir()} == {"all-MiniLM-L6-v2", "SmolLM2-135M-Instruct"}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the script clones the repository, and this is no clone")
def test_first_run(tmp_path: Path) -> None:
    """The first ten minutes of a user, from a shell that knows nothing of this environment."""
    kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG") or name.startswith("PIP_")}
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    bare = {**kept, "PATH": os.defpath, "TMPDIR": str(tmp_path), "PYTHON": str(python)}
    words = ["--loop.steps", "4", "--loop.eval-every", "2", "--evaluation.limit", "4"]
    done = subprocess.run(
        ["bash", ROOT / "examples" / "first_run.sh", tmp_path / "first", *words],
        env=bare, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for line in (
        "rooms.md: read as passages: 12 passages",
        "log.csv: read as questions and answers: 60 pairs",
        "semicolons between columns",
        "no fault: training takes these files",
        "answers' F1",
        "next:",
    ):
        assert line in done.stdout + done.stderr, done.stdout
    assert (tmp_path / "first" / "runs" / "rooms" / "report.html").is_file()
