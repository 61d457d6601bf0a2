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
