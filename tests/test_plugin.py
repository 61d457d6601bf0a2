"""A second package, installed for real, adds an objective, a kind of index and a metric."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jsarag import layout
from jsarag.files import read_json
from jsarag.registry import Registry
from jsarag.run.fingerprints import packages_of
from jsarag.types import InputError
from tests import world

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the package as pip installs it."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(ROOT / "tests" / "plugin", folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target"]
    subprocess.run([sys.executable, *command, folder / "site", folder / "source"], check=True, capture_output=True)
    return folder / "site"


def jsarag(*words: str, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(map(str, [ROOT / "src", *([site] if site else [])]))
    command = [sys.executable, "-m", "jsarag", *words]
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_train_resume_load_compare_and_the_command_line_know_its_parts(
    installed: Path, data: Path, encoder_model: Path, causal_model: Path, tmp_path: Path
) -> None:
    runs = [tmp_path / name for name in ("a", "b")]
    for seed, run in enumerate(runs):
        words = world.options(data, encoder_model, causal_model, run)
        at = words.index("--objective.m")
        words = words[:at] + words[at + 2 :]
        own = ["--objective.name", "sharpened", "--objective.power", "1.5", "--index.kind", "sorted"]
        own += ["--index.reverse", "true", "--loop.seed", str(seed), "--evaluation.before", "false"]
        done = jsarag("train", *words, *own, site=installed)
        assert done.returncode == 0, done.stderr
        summary = read_json(run / "summary.json")
        assert summary["run"]["objective"] == "sharpened"
        assert 0 <= summary["after"]["answers"]["words"]["mean"] <= 0.04
        assert "Words, in hundreds" in (run / "report.html").read_text()
    config = (runs[0] / "config.yaml").read_text()
    assert "kind: sorted\n  reverse: true" in config
    assert "power: 1.5" in config
    # As after a kill before the last evaluation.
    (runs[0] / "summary.json").unlink()
    refused = jsarag("train", "--resume", str(runs[0]))
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert (
        "objective.name: 'sharpened' came with the package jsarag-plugin 3.1, which is not installed" in refused.stderr
    )
    assert jsarag("train", "--resume", str(runs[0]), site=installed).returncode == 0
    asked = jsarag("ask", "where is the red lamp ?", "--run", str(runs[0]), "--json", site=installed)
    assert json.loads(asked.stdout)["passages"]
    assert "jsarag-plugin 3.1" in jsarag("ask", "where is the red lamp ?", "--run", str(runs[0])).stderr
    compared = jsarag("compare", *map(str, runs), "--metrics", "answers/words", "prior/mrr@10", site=installed)
    assert compared.returncode == 0, compared.stderr
    assert "sharpened" in compared.stdout
    listed = jsarag("train", "--objective.name", "sharpened", "--help", site=installed).stdout
    assert "--objective.power" in listed
    assert "sharpened" in jsarag("train", "--objective.name", "other", site=installed).stderr


def test_a_folder_of_a_later_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / layout.FINGERPRINTS).write_text(json.dumps({"format": layout.FORMAT + 1}))
    with pytest.raises(InputError, match=rf"expected format {layout.FORMAT} or before, found {layout.FORMAT + 1}"):
        packages_of(tmp_path)


def test_a_registry_takes_what_a_program_registers() -> None:
    known = Registry("jsarag.nothing", {"a": 1})
    assert known.register("b", 2) == 2
    assert (list(known), known["b"], len(known), known.origin("b")) == (["a", "b"], 2, 2, "")
    with pytest.raises(InputError, match="'b' is taken"):
        known.register("b", 3)
    with pytest.raises(InputError, match="x: expected one of a, b, got 'c'"):
        known.named("c", "x")
    known.unregister("b")
    assert list(known) == ["a"]
    with pytest.raises(KeyError):
        known["b"]
