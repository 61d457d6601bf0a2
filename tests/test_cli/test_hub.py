"""``jsarag data --from hf://...`` against a server that speaks the hub's protocol."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jsarag.cli.main import main
from jsarag.data import load_examples, load_passages

PUBLISHED = Path(__file__).parents[1] / "data" / "beir"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """One data set, someone/beir at revision main, in a folder of it; notes what is asked for."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        self.asked.append(f"{self.command} {path}")
        files = {f"small/{f.relative_to(PUBLISHED)}": f for f in PUBLISHED.rglob("*") if f.is_file()}
        files["README.md"] = Path(__file__)
        resolved = f"/datasets/someone/beir/resolve/{COMMIT}/"
        sizes = {name: file.stat().st_size for name, file in files.items()}
        if path == "/api/datasets/someone/beir/revision/main":
            siblings = [{"rfilename": name} for name in files]
            self.send({"id": "someone/beir", "sha": COMMIT, "siblings": siblings}, body)
        elif path == f"/api/datasets/someone/beir/tree/{COMMIT}":
            entries = [{"type": "file", "path": name, "size": size, "oid": name} for name, size in sizes.items()]
            self.send(entries, body)
        elif path.startswith(resolved) and path.removeprefix(resolved) in files:
            content = files[path.removeprefix(resolved)].read_bytes()
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if body else b"")
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def send(self, value: object, body: bool) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if body else b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The environment of a command that finds this hub, and what the hub was asked for."""
    asked: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noted", (Hub,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    place = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
    yield os.environ | place, asked
    server.shutdown()
    server.server_close()


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
