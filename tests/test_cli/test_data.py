"""``jsarag data`` as a user meets it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jsarag.cli.main import main
from jsarag.cli.train import configured
from jsarag.data import load_examples
from jsarag.data.sources import SOURCES
from tests.test_training import notified

DATA = Path(__file__).parents[1] / "data"


def mistake(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> str:
    assert main(["data", *map(str, argv)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    *before, line = err.splitlines()
    assert all(re.fullmatch(r"checksums, MB read 0/\d+", told) for told in before)  # what had begun
    assert line.startswith("jsarag: ")
    return f"{line}\n"


def test_a_reader_that_stops_reading_is_no_error() -> None:
    command = [sys.executable, "-m", "jsarag.cli.main", "data"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()  # before it writes anything
        assert running.stderr.read() == b""
        assert running.wait() == 0


def test_the_list_has_every_set_with_files_and_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 0
    out = capsys.readouterr().out
    for source in SOURCES.values():
        assert f"{source.name}: " in out
        assert source.licence in out
        for file in source.files:
            assert f"{file.name}" in out
            assert file.url in out


def test_convert_prints_counts_and_a_command_that_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a folder"
    assert main(["data", "dstc11", "--from", str(DATA / "dstc11"), "--out", str(out)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["passages.jsonl", "4"]
    assert shown[1].split() == ["train.jsonl", "1,", "1", "with", "gold", "passages"]
    (command,) = (line.removeprefix("train:").strip() for line in shown if line.startswith("train:"))
    (small,) = (line for line in shown if line.startswith("small:"))
    words = shlex.split(command)
    assert words[:2] == ["jsarag", "train"]
    config = configured(words[2:], "train", "")
    assert (config.data.passages, config.data.test) == (out / "passages.jsonl", out / "test.jsonl")
    assert "small.yaml" in small
    assert main(["data", "dstc11", "--check", str(out), "--from", str(DATA / "dstc11")]) == 0
    assert "as its manifest says" in capsys.readouterr().out
    assert main(["data", "dstc11"]) == 0
    assert "convert:  jsarag data dstc11" in capsys.readouterr().out


def test_what_is_known_of_the_files_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "nq"]) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["psgs_w100.tsv.gz", "md5", "612fe66e0b6b41ee28f806140226c563"] in shown
    assert ["nq-train.qa.csv", "79,168", "lines"] in shown


def test_a_file_that_cannot_be_checked_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["nq-open", "--from", str(DATA / "nq-open"), "--out", str(tmp_path / "out")]
    assert "psgs_w100.tsv: expected the published 21,015,325 lines, found 5 lines" in mistake(capsys, *given)
    assert main(["data", *given, "--unverified"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("not checked: "))
    assert line == (
        "not checked: psgs_w100.tsv: the published checksum is that of psgs_w100.tsv.gz; 5 lines, not as published"
    )


def test_options_reach_the_conversion(tmp_path: Path) -> None:
    options = ["--split", "train,dev", "--unanswerable", "keep", "--passages-limit", "1", "--unverified"]
    assert main(["data", "orquac", "--from", str(DATA / "orquac"), "--out", str(tmp_path / "out"), *options]) == 0
    assert len(load_examples(tmp_path / "out/train.jsonl")) == 3
    assert not (tmp_path / "out/test.jsonl").exists()


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, out = DATA / "nq-open", tmp_path / "out"
    assert "name: expected one of nq, nq-open" in mistake(capsys, "nqq")
    assert "--out: expected a folder to write" in mistake(capsys, "nq-open", "--from", files)
    assert "--from: expected the folder with the published files" in mistake(capsys, "nq-open", "--out", out)
    assert "name: expected a data set with --out" in mistake(capsys, "--out", out)
    given = ("nq-open", "--from", files, "--out", out)
    assert "--unanswerable: means nothing with nq-open" in mistake(capsys, *given, "--unanswerable", "keep")
    assert "--block-words: means nothing with nq-open" in mistake(capsys, *given, "--block-words", "50")
    assert "--passages-limit: expected a number above 0" in mistake(capsys, *given, "--passages-limit", "0")
    assert "--hold-out: expected a number above 0" in mistake(capsys, *given, "--hold-out", "-1")
    assert "--split: expected one of train, dev with nq-open" in mistake(capsys, *given, "--split", "test")
    assert "--split: expected one of dev, test, train" in mistake(capsys, *given, "--split", "train,")
    assert "--out: expected nothing with --check" in mistake(capsys, "nq-open", "--check", out, "--out", out)
    assert "manifest.json: no such file" in mistake(capsys, "nq-open", "--check", out)
    assert "--unverified: no checksum or number of lines is known for beir" in mistake(
        capsys, "beir", "--from", DATA / "beir", "--out", out, "--unverified"
    )
    assert "--block-words: expected nothing with --check" in mistake(
        capsys, "squad", "--check", out, "--block-words", "0"
    )
    squad = ("squad2", "--from", DATA / "squad2", "--out", out, "--unverified")
    assert "--unanswerable: expected one of keep, leave, null" in mistake(capsys, *squad, "--unanswerable", "maybe")
    assert "--block-words: expected a number of 0 or more" in mistake(capsys, *squad, "--block-words", "-1")
    assert not out.exists()


@pytest.mark.parametrize(("signalled", "left"), [(signal.SIGINT, 0), (signal.SIGKILL, 1)])
def test_a_killed_conversion_leaves_no_folder(tmp_path: Path, signalled: signal.Signals, left: int) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name in ("NQ-open.train.jsonl", "NQ-open.dev.jsonl"):
        (files / name).write_bytes((DATA / "nq-open" / name).read_bytes())
    rows = (f"{number}\tsome words\ta title\n" for number in range(1_000_000))
    with (files / "psgs_w100.tsv").open("w") as file:
        file.writelines(rows)
    out = tmp_path / "converted/nq"
    argv: list[str | Path] = [sys.executable, "-m", "jsarag", "data", "nq-open", "--from", files, "--out", out]
    argv.append("--unverified")

    # A shell's background jobs, and what they start, are deaf to interrupts: not this one.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(argv, env=os.environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    signal.signal(signal.SIGINT, before)
    assert notified.holds(
        lambda: any(path.stat().st_size for path in out.parent.glob(".nq.*/new/passages.jsonl")), tmp_path, running
    )
    running.send_signal(signalled)
    assert running.wait() != 0
    assert not out.exists()
    assert len(list(out.parent.iterdir())) == left  # a process that is killed outright cannot tidy up
    (files / "psgs_w100.tsv").write_bytes((DATA / "nq-open/psgs_w100.tsv").read_bytes())
    assert main([*map(str, argv[3:])]) == 0
    assert out.is_dir()
