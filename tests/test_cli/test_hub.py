"""``jsarag data --from hf://...`` against a server that speaks the hub's protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jsarag.cli.main import main
from jsarag.data import load_examples, load_passages
from tests.test_data.hub import at, serving

PUBLISHED = Path(__file__).parents[1] / "data" / "beir"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment of a command that finds this hub, and what the hub was asked for."""
    asked: list[str] = []
    files = {f"small/{f.relative_to(PUBLISHED)}": f.read_bytes() for f in PUBLISHED.rglob("*") if f.is_file()}
    with serving({"someone/beir": {"README.md": b"# beir", **files}}, asked) as address:
        yield os.environ | at(address, tmp_path / "cache"), asked


def data(environment: dict[str, str], *argv: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jsarag.cli.main", "data", *map(str, argv)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_files_on_the_hub_are_fetched_once_and_converted(
    hub: tuple[dict[str, str], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment, asked = hub
    here, there = tmp_path / "here", tmp_path / "there"
    assert main(["data", "beir", "--from", str(PUBLISHED), "--out", str(here)]) == 0
    expected = capsys.readouterr().out
    address = "hf://datasets/someone/beir@main/small"
    done = data(environment, "beir", "--from", address, "--out", there)
    assert (done.returncode, done.stdout) == (0, expected.replace(str(here), str(there))), done.stderr
    assert load_passages(there / "passages.jsonl") == load_passages(here / "passages.jsonl")
    assert load_examples(there / "test.jsonl") == load_examples(here / "test.jsonl")
    got = [name.partition("/small/")[2] for name in asked if name.startswith("GET /datasets/")]
    assert sorted(got) == ["corpus.jsonl", "qrels/test.tsv", "qrels/train.tsv", "queries.jsonl"]

    asked.clear()
    assert data(environment, "beir", "--check", there, "--from", address).returncode == 0
    assert not any(name.startswith("GET /datasets/") for name in asked)


def test_files_of_other_splits_stay_where_they_are(hub: tuple[dict[str, str], list[str]], tmp_path: Path) -> None:
    environment, asked = hub
    given = ("beir", "--from", "hf://datasets/someone/beir/small", "--out", tmp_path / "out")
    done = data(environment, *given, "--split", "tset")
    assert (done.returncode, asked) == (2, [])
    assert data(environment, *given, "--split", "test").returncode == 0
    got = [name.partition("/small/")[2] for name in asked if name.startswith("GET /datasets/")]
    assert sorted(got) == ["corpus.jsonl", "qrels/test.tsv", "queries.jsonl"]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("hf://datasets/someone", "expected hf://datasets/OWNER/NAME"),
        ("hf://someone/beir", "expected hf://datasets/OWNER/NAME"),
        ("hf://datasets/someone/else", "cannot read hf://datasets/someone/else: "),
        ("hf://datasets/some one/beir", "cannot read hf://datasets/some one/beir: "),
        ("hf://datasets/someone/beir/large", "expected one of qrels/train.tsv"),
    ],
)
def test_a_place_that_is_not_there_is_one_line(
    hub: tuple[dict[str, str], list[str]], tmp_path: Path, address: str, message: str
) -> None:
    done = data(hub[0], "beir", "--from", address, "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("jsarag: --from: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_hub_is_one_line(tmp_path: Path) -> None:
    place = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    done = data(os.environ | place, "beir", "--from", "hf://datasets/someone/beir", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("jsarag: --from: cannot read hf://datasets/someone/beir: ")
    assert "Traceback" not in done.stderr
