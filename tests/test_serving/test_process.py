"""The server as a process: its first lines, its end by signals, and what survives a kill."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx
import pytest

import jsarag
from jsarag.cli.main import main
from jsarag.data import load_examples
from jsarag.serving.feedback import Feedback
from tests.test_serving.conftest import QUESTIONS

SAID = {"messages": [{"role": "user", "content": QUESTIONS[0]}]}


@contextmanager
def process(*words: str | Path) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """A server on a free port, its address and its first lines."""
    command = [sys.executable, "-m", "tests.test_serving.process", *map(str, words), "--port", "0"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as started:  # type: ignore[call-overload]
        try:
            lines = [started.stdout.readline() for _ in range(2)]
            found = re.match(r"http://[\d.]+:\d+", lines[0])
            assert found, started.stderr.read()
            yield started, found[0], lines
        finally:
            started.kill()


@pytest.mark.slow  # test_feedback.py has what is quick: torn lines, many writers
def test_a_kill_loses_no_feedback_that_was_accepted(run_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    accepted: list[str] = []
    enough = Event()
    with process(run_folder, "--feedback", file) as (server, url, _), ThreadPoolExecutor(4) as pool:

        def give(number: int) -> None:
            with httpx.Client(timeout=60) as session:
                try:
                    for i in range(10_000):
                        said = {"question": f"{number}.{i} {'x' * 2000}", "answer": "a", "thumbs": "up"}
                        response = session.post(f"{url}/feedback", json=said)
                        assert response.status_code == 201
                        accepted.append(response.json()["id"])
                        if len(accepted) > 100:
                            enough.set()
                except httpx.TransportError:
                    return

        givers = [pool.submit(give, number) for number in range(4)]
        assert enough.wait(60)
        server.kill()
        for one in givers:
            one.result()
    kept = [line for line in file.read_text().split("\n") if line.endswith("}")]
    assert len(accepted) > 100
    assert set(accepted) <= {json.loads(line)["id"] for line in kept}
    Feedback(file).add({"id": "next", "question": "one more", "answer": "a"})
    assert {*accepted, "next"} <= {pair.id for pair in load_examples(file)}


def test_a_signal_lets_what_runs_end_and_takes_nothing_more(run_folder: Path, tmp_path: Path) -> None:
    with process(run_folder, "--feedback", tmp_path / "f.jsonl") as (server, url, lines), ThreadPoolExecutor(1) as pool:
        assert f"{run_folder}, weights of step" in lines[0]
        assert "12 passages" in lines[0]
        assert lines[1].startswith(f"curl {url}/v1/chat/completions")
        running = pool.submit(httpx.post, f"{url}/v1/chat/completions", json=SAID, timeout=60)
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        assert server.stdout.readline() == "taken\n"
        server.send_signal(signal.SIGTERM)
        waiting = Event()
        assert any(httpx.get(f"{url}/health").status_code == 503 or waiting.wait(0.02) for _ in range(3000))
        refused = httpx.post(f"{url}/v1/chat/completions", json=SAID)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "closing")
        assert not running.done()
        server.stdin.write("\n")
        server.stdin.flush()
        response = running.result()
        assert response.status_code == 200
        answer = jsarag.Run.load(run_folder).ask(QUESTIONS[0])
        assert response.json()["choices"][0]["message"]["content"] == answer.text
        assert server.wait(60) == 128 + signal.SIGTERM
        assert server.stderr.read() == "jsarag: interrupted by SIGTERM\n"


def test_mistakes_are_told_before_anything_is_loaded(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsarag.Run, "load", None)
    (tmp_path / "keys").write_text("")

    def told(*words: str) -> str:
        capsys.readouterr()
        assert main(["serve", str(run_folder), *words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        return err

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"--port: {port} is taken at 127.0.0.1" in told("--port", port)
    assert "--host: expected a name or an address of this machine, got 'no host'" in told("--host", "no host")
    assert "--host: cannot listen at 192.0.2.1" in told("--host", "192.0.2.1")
    assert "--port: expected 0 to 65535, got 70000" in told("--port", "70000")
    assert "--queue: expected" in told("--queue", "0")
    assert "--timeout: expected" in told("--timeout", "-1")
    assert "holds no key" in told("--keys", str(tmp_path / "keys"))
    assert "--runs: expected a folder of runs" in told("--runs", str(tmp_path / "keys"))
    assert "--feedback: expected a file, got the folder" in told("--feedback", str(tmp_path))
