"""A model that the hub does not give is one line at once; a model in the hub's cache is loaded without the hub."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MEASURE = """
import sys, time
import sentence_transformers, jsarag.run.work
from jsarag.cli.main import main
for option in ("encoder", "generator"):
    began = time.perf_counter()
    code = main(["train", *sys.argv[1:], f"--{option}.model", "someone/model"])
    print(option, code, time.perf_counter() - began)
from jsarag.models import load_encoder
print("loaded" if len(sys.argv) < 2 or load_encoder("someone/kept", "cpu") else "")
"""
"""Two commands in a process that has imported what they need, their exit status and seconds; then a kept model."""


class Answering(BaseHTTPRequestHandler):
    """A server that gives every request one answer."""

    status: int
    asked: list[str]

    def do_HEAD(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(self.status)
        if self.status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def server(status: int) -> Iterator[tuple[str, list[str]]]:
    """The address of a server that gives every request this answer, and what it was asked."""
    asked: list[str] = []
    made = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Answering,), {"status": status, "asked": asked}))
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_address[1]}", asked
    made.shutdown()
    made.server_close()


def keep(model: Path, cache: Path) -> None:
    """Put a model into the hub's cache as ``someone/kept``."""
    folder = cache / "hub" / "models--someone--kept"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / COMMIT).symlink_to(model)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (None, "cannot be reached ("),
        (404, "has no such model, or it is private"),
        (503, "answers with status 503"),
    ],
)
def test_a_model_that_the_hub_does_not_give_is_one_line_at_once(
    status: int | None, reason: str, options: list[str], encoder_model: Path, tmp_path: Path
) -> None:
    keep(encoder_model, tmp_path / "cache")
    with server(status or 404) as (address, asked):
        # Nothing listens on port 9.
        place = {"HF_ENDPOINT": address if status else "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "cache")}
        environment = os.environ | place | {"HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1"}
        command = [sys.executable, "-c", MEASURE, *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("jsarag: ")]
    assert len(lines) == 2, done.stderr
    for option, line, told in zip(("encoder", "generator"), lines, done.stdout.splitlines(), strict=False):
        assert line.startswith(f"jsarag: {option}.model: no model 'someone/model' in a local folder, among the pack")
        assert reason in line
        name, code, seconds = told.split()
        assert (name, code) == (option, "2")
        assert float(seconds) < 5  # five retries wait for 23 seconds
    assert "loaded" in done.stdout
    heads = [name for name in asked if "someone/model" in name]
    assert heads == (["HEAD /someone/model/resolve/main/config.json"] * 2 if status else [])
    assert not (tmp_path / "run").exists()
