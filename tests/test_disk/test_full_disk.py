"""Every command on a disk that is full: one line, exit status 2, the last good state, nothing half written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jsarag.cli.main import main
from jsarag.kb import KnowledgeBase
from tests.test_disk.disk import fill, small_disk

SQUAD = Path(__file__).parents[1] / "data" / "squad"


def full(capsys: pytest.CaptureFixture[str], disk: Path, *argv: str | Path) -> None:
    """The command ends with one line that names what lies on the disk; nothing private is left."""
    capsys.readouterr()
    status = main([str(word) for word in argv])
    err = capsys.readouterr().err
    assert status == 2
    assert "Traceback" not in err
    (line,) = (line for line in err.splitlines() if line.startswith("jsarag: "))
    assert re.fullmatch(rf"jsarag: {disk}\S*: No space left on device \([\d,.]+ MB free\)", line)
    assert ".jsarag" not in line
    assert not list(disk.rglob("*.jsarag"))


def test_a_full_disk_keeps_the_old_index_and_the_old_conversion(
    data: Path, encoder_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder: list[str | Path] = ["--encoder.model", encoder_model, "--index.kind", "hnsw"]
    index: list[str | Path] = ["index", "--passages", data / "passages.jsonl", *encoder]
    convert: list[str | Path] = ["data", "squad", "--from", SQUAD, "--unverified"]
    with small_disk(tmp_path / "disk", 256) as disk:
        # With less room an index is refused before its passages are encoded.
        for command, out, room in ((index, disk / "index", (8, 16)), (convert, disk / "kb", (0, 4, 8))):
            assert main([*map(str, command), "--out", str(out)]) == 0
            before = {path.name: path.read_bytes() for path in out.iterdir()}
            for free in room:
                fill(disk, free)
                full(capsys, disk, *command, "--out", out)
                full(capsys, disk, *command, "--out", disk / "new")
                assert {path.name: path.read_bytes() for path in out.iterdir()} == before
                assert not (disk / "new").exists()
                (disk / "ballast").unlink()
        assert len(KnowledgeBase.load(disk / "index")) == 12


def run_on(disk: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Train until the disk is full; what `last` and `best` name is there."""
    run, at = disk / "run", options.index("--out")
    full(capsys, disk, "train", *options[:at], "--out", run, *options[at + 2 :])
    for pointer in run.glob("checkpoints/*.json"):
        named = run / "checkpoints" / json.loads(pointer.read_text())["folder"]
        assert (named / "generator" / "adapter_model.safetensors").is_file()
        assert (named / "state.json").is_file() == (pointer.stem == "last")


@pytest.fixture
def unforeseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk has room when the run begins, and others fill it."""
    monkeypatch.setattr("jsarag.run.room.disk", lambda run: 1 << 50)


@pytest.mark.usefixtures("unforeseen")
@pytest.mark.parametrize("kilobytes", [4, 40, 300, 892])
def test_a_run_on_a_full_disk(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], kilobytes: int
) -> None:
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        run_on(disk, options, capsys)


@pytest.mark.slow
@pytest.mark.usefixtures("unforeseen")
@pytest.mark.parametrize("kilobytes", [*range(8, 64, 4), *range(64, 1160, 12)])
def test_a_run_on_a_disk_that_is_full_at_any_write(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], kilobytes: int
) -> None:
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        run_on(disk, options, capsys)


def test_the_results_of_an_evaluation_on_a_full_disk(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *options, "--loop.steps", "1", "--evaluation.before", "false"]) == 0
    evaluate = ("evaluate", "--run", tmp_path / "run", "--limit", "2")
    with small_disk(tmp_path / "disk", 64) as disk:
        figures, table = disk / "a.json", disk / "a.parquet"
        assert main([*map(str, evaluate), "--json", str(figures)]) == 0
        before = figures.read_bytes()
        fill(disk, 0)
        full(capsys, disk, *evaluate, "--json", figures)
        full(capsys, disk, *evaluate, "--table", table)
        assert figures.read_bytes() == before
        assert not table.exists()
