"""Outputs of commands replace what the same command made, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from jsarag.cli.main import main
from jsarag.cli.train import configured
from jsarag.config import as_yaml
from jsarag.places import check_apart, check_folder, check_outputs
from jsarag.types import InputError


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, inode and content (or target) of all that lies in a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        held = bytes(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (facts.st_mode, facts.st_ino, held)
    return found


def refused(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> str:
    """The line with which a command refuses."""
    assert main([str(word) for word in argv]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("jsarag: ")
    return line


def test_outputs_apart_from_inputs_and_from_each_other(tmp_path: Path) -> None:
    run, data = tmp_path / "run", tmp_path / "data.jsonl"
    run.mkdir()
    data.write_text("")
    (tmp_path / "link").symlink_to(run)
    (tmp_path / "same").hardlink_to(data)
    reads: list[str | Path] = [run, data, "sentence-transformers/on-the-hub"]
    check_outputs({"--json": tmp_path / "a", "--rows": tmp_path / "b", "--table": None}, reads)
    for path, message in (
        (run / "summary.json", r"--json: cannot write .*summary.json, lies in .*run, which this command reads"),
        (run / "new/deep.json", "lies in"),
        (tmp_path / "link/x", "lies in"),
        (tmp_path / "run/../run/x", "lies in"),
        (data, r"--json: cannot write .*data.jsonl, which this command reads"),
        (tmp_path / "same", "which this command reads"),
    ):
        with pytest.raises(InputError, match=message):
            check_outputs({"--json": path}, reads)
    with pytest.raises(InputError, match=r"--rows: expected another file than --json, got .*/new/../a for both"):
        check_outputs({"--json": tmp_path / "a", "--rows": tmp_path / "new/../a"})


def test_folders_apart_from_what_is_read(tmp_path: Path) -> None:
    files = tmp_path / "kb/passages.jsonl"
    files.parent.mkdir()
    files.write_text("")
    (tmp_path / "link").symlink_to("kb")
    check_apart(tmp_path / "out", [files, "a/model/on/the/hub"])
    check_apart(tmp_path / "kb/index", [files])  # beside the file
    for folder, read, message in (
        (tmp_path / "kb", files, r"kb: cannot be written: holds .*passages.jsonl, what is read|holds"),
        (tmp_path / "link", files, "holds"),
        (tmp_path, files, "holds"),
        (tmp_path / "kb", tmp_path / "link", "is what is read"),
        (tmp_path / "kb/out", tmp_path / "kb", r"kb/out: cannot be written: lies in .*kb, which is read"),
        (tmp_path / "link/out", tmp_path / "kb", "lies in"),
    ):
        with pytest.raises(InputError, match=message):
            check_apart(folder, [read])


def test_a_folder_of_known_files_alone_is_ours(tmp_path: Path) -> None:
    out = tmp_path / "out"
    check_folder(out, {"a"}, "jsarag index")
    out.mkdir()
    check_folder(out, {"a"}, "jsarag index")
    (out / "a").write_text("")
    check_folder(out, {"a"}, "jsarag index")
    (out / "a").unlink()
    for make in ((out / "a").mkdir, lambda: (out / "a").symlink_to("b"), lambda: (out / "b").write_text("")):
        make()
        with pytest.raises(
            InputError, match=r"out: exists and is not a folder made by `jsarag index` \(it holds [ab]\)"
        ):
            check_folder(out, {"a"}, "jsarag index")
        shutil.rmtree(out)
        out.mkdir()


def test_evaluate_and_compare_write_over_nothing_they_read(
    options: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(as_yaml(configured(options, "train", "")))
    (run / "summary.json").write_text("{}")
    (tmp_path / "link.json").symlink_to(run / "summary.json")
    os.mkfifo(tmp_path / "pipe.csv")
    before, read = snapshot(tmp_path), snapshot(data)
    evaluate = ("evaluate", "--run", run)
    assert "lies in" in refused(capsys, *evaluate, "--json", run / "summary.json")
    assert "lies in" in refused(capsys, *evaluate, "--rows", tmp_path / "link.json")
    for name in ("passages", "train", "dev", "test"):  # by the settings of the run
        line = refused(capsys, *evaluate, "--rows", data / f"{name}.jsonl")
        assert f"{name}.jsonl, which this command reads" in line
    model = Path(options[options.index("--encoder.model") + 1])
    assert "lies in" in refused(capsys, *evaluate, "--json", model / "config.json")
    assert "another file than --json" in refused(capsys, *evaluate, "--json", tmp_path / "a", "--rows", tmp_path / "a")
    assert "found a pipe" in refused(capsys, *evaluate, "--table", tmp_path / "pipe.csv")
    assert "found a device" in refused(capsys, *evaluate, "--json", "/dev/null")
    compare = ("compare", run, tmp_path)
    assert "lies in" in refused(capsys, *compare, "--markdown", run / "summary.json")
    assert "another file" in refused(capsys, "compare", run, run, "--json", "new.html", "--out", "new.html")
    assert "found a device" in refused(capsys, "lab", "--models", "synthetic", "--json", "/dev/full")
    lab = ("lab", "--models", "synthetic", "--out", tmp_path, "--json")
    assert "another file than --out" in refused(capsys, *lab, tmp_path / "lab.html")
    assert (snapshot(tmp_path), snapshot(data)) == (before, read)


@pytest.mark.parametrize("buffered", ["", "1"])
def test_an_output_that_the_system_does_not_take_is_one_line(buffered: str) -> None:
    env = os.environ | {"PYTHONUNBUFFERED": buffered}
    with Path("/dev/full").open("w") as full:
        argv = [sys.executable, "-m", "jsarag", "data", "squad"]
        done = subprocess.run(argv, check=False, stdout=full, stderr=subprocess.PIPE, text=True, env=env)
    # Buffered or not, and nothing is left that the end of the process would complain about.
    assert (done.returncode, done.stderr) == (2, "jsarag: No space left on device\n")


DATA = Path(__file__).parents[1] / "data"


def converted(out: Path) -> Path:
    """A converted data set."""
    assert main(["data", "squad", "--from", str(DATA / "squad"), "--out", str(out), "--unverified"]) == 0
    return out


def test_an_index_takes_the_place_of_an_index_alone(
    data: Path, encoder_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kb, out, passages = converted(tmp_path / "kb"), tmp_path / "index", data / "passages.jsonl"
    capsys.readouterr()
    (tmp_path / "link").symlink_to("kb")
    index = ("index", "--encoder.model", encoder_model, "--encoder.precision", "fp32")

    before = snapshot(tmp_path)
    assert "holds" in refused(capsys, *index, "--passages", kb / "passages.jsonl", "--out", kb)
    assert "holds" in refused(capsys, *index, "--passages", kb / "passages.jsonl", "--out", tmp_path / "link")
    assert "(it holds dev.jsonl)" in refused(capsys, *index, "--passages", passages, "--out", kb)
    assert "(it holds kb)" in refused(capsys, *index, "--passages", passages, "--out", tmp_path)
    assert "lies in" in refused(capsys, *index, "--passages", passages, "--out", encoder_model / "out")
    assert "expected a folder, found a file" in refused(
        capsys, *index, "--passages", passages, "--out", kb / "dev.jsonl"
    )
    assert snapshot(tmp_path) == before

    for name in ("dev.jsonl", "train.jsonl"):  # what is left has the names of an index, but another manifest
        (kb / name).unlink()
    before = snapshot(tmp_path)
    assert "(it holds manifest.json)" in refused(capsys, *index, "--passages", passages, "--out", kb)
    assert snapshot(tmp_path) == before

    out.mkdir()  # empty: nothing can be lost
    for kind in ("hnsw", "flat", "hnsw"):
        assert main([*map(str, index), "--passages", str(passages), "--out", str(out), "--index.kind", kind]) == 0
        assert (out / "index.faiss").exists() == (kind == "hnsw")
        assert {stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()} == {stat.S_IMODE(passages.stat().st_mode)}
    capsys.readouterr()
    (out / "thesis.tex").write_text("years of work")
    before = snapshot(out)
    assert "(it holds thesis.tex)" in refused(capsys, *index, "--passages", passages, "--out", out)
    assert snapshot(out) == before


def test_a_conversion_takes_the_place_of_a_conversion_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, out = tmp_path / "files", tmp_path / "out"
    shutil.copytree(DATA / "squad", files)
    written = dict.fromkeys(path.name for path in files.iterdir())
    (files / "manifest.json").write_text(json.dumps({"name": "squad", "written": written}))
    before = snapshot(files)
    convert = ("data", "squad", "--unverified", "--from", files, "--out")
    assert "is what is read" in refused(capsys, *convert, files)
    assert "lies in" in refused(capsys, *convert, files / "out")
    assert "holds" in refused(capsys, *convert, tmp_path)
    assert snapshot(files) == before

    converted(out)
    (out / "train.jsonl").write_text("cut short")
    converted(out)
    assert (out / "train.jsonl").read_text() != "cut short"
    (out / "mine.jsonl").write_text("years of work")
    capsys.readouterr()
    before = snapshot(out)
    assert "(it holds mine.jsonl)" in refused(capsys, *convert, out)
    assert snapshot(out) == before


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("file", "out: {}: expected a folder, found a file"),
        ("file/run", "out: expected a folder, got {}, but {file} is a file"),
        ("/proc/none/run", "out: cannot write {}: "),
    ],
)
def test_a_run_that_cannot_be_written_is_refused_before_anything_is_read(
    place: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not after the passages were indexed, and without a word of memory."""
    file = tmp_path / "file"
    file.write_text("")
    out = tmp_path / place
    told = message.format(out, file=file)
    words = ["--data.passages", "none.jsonl", "--data.train", "none.jsonl", "--out", str(out)]
    assert main(["train", *words]) == 2
    assert capsys.readouterr().err.startswith(f"jsarag: {told}")
    (tmp_path / "kb.jsonl").write_text('{"id": "a", "text": "b"}\n')
    assert main(["index", "--passages", str(tmp_path / "kb.jsonl"), "--out", str(out)]) == 2
    assert "memory" not in (err := capsys.readouterr().err)
    assert "a file" in err or "cannot write" in err
    assert sorted(tmp_path.iterdir()) == [file, tmp_path / "kb.jsonl"]
