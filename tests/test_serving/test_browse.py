"""The passages and the runs behind a server, and its pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import jsarag
from jsarag.serving import page
from tests.test_serving.conftest import QUESTIONS, Served, Start


def get(served: Served, path: str) -> httpx.Response:
    return httpx.get(served.url + path, timeout=60)


def test_passages_are_found_without_an_answer_trained_and_untrained(served: Served, alone: jsarag.Run) -> None:
    for weights in ("trained", "untrained"):
        run = alone if weights == "trained" else jsarag.Run.load(alone.folder, weights="untrained")
        (expected,) = run.pipeline.retrieve([QUESTIONS[4]], 3)
        asked = {"question": QUESTIONS[4], "k": 3, "weights": weights}
        found = httpx.post(f"{served.url}/retrieve", json=asked).json()["passages"]
        assert [h["id"] for h in found] == [h.passage.id for h in expected]
        assert [h["score"] for h in found] == pytest.approx([h.score for h in expected], abs=1e-4)
        assert sum(h["probability"] for h in found) == pytest.approx(1)
    dialog = [
        {"role": "user", "content": "where is the red lamp ?"},
        {"role": "assistant", "content": "here"},
        {"role": "user", "content": "and ?"},
    ]
    history = [jsarag.Turn(turn["role"], turn["content"]) for turn in dialog[:-1]]
    (expected,) = alone.pipeline.retrieve([alone._x("and ?", history)], 5)
    found = httpx.post(f"{served.url}/retrieve", json={"messages": dialog}).json()["passages"]
    assert [h["id"] for h in found] == [h.passage.id for h in expected]


def test_the_knowledge_base_can_be_looked_through(served: Served, alone: jsarag.Run) -> None:
    records = [passage.record() for passage in alone.pipeline.kb.passages]
    assert get(served, "/passages").json() == {"total": 12, "passages": records}
    assert get(served, "/passages?offset=10&limit=5").json() == {"total": 12, "passages": records[10:]}
    found = get(served, "/passages?search=RED%20tower&limit=2").json()
    assert found["total"] == 4
    assert [h["id"] for h in found["passages"]] == ["lamp/red", "boat/red"]
    assert get(served, "/passages?search=nowhere").json() == {"total": 0, "passages": []}
    assert get(served, "/passages/lamp/red").json() == records[0]
    assert get(served, "/passages/none").status_code == 404
    for bad in ("limit=0", "limit=101", "offset=-1"):
        assert get(served, f"/passages?{bad}").status_code == 400


@pytest.fixture
def several(start: Start, run_folder: Path, tmp_path: Path) -> Iterator[Served]:
    """A server beside a folder with two runs and something else."""
    folder = tmp_path / "runs"
    for name in ("a", "b"):
        shutil.copytree(run_folder, folder / name)
    (folder / "notes").mkdir()
    yield start(runs=folder)


def test_the_runs_of_a_folder_have_reports_and_are_compared(served: Served, several: Served, run_folder: Path) -> None:
    told = get(served, "/runs").json()
    assert told["serving"] == "mine"
    (line,) = told["runs"]
    assert (line["name"], line["objective"], line["finished"]) == ("mine", "jsa", True)
    assert line["headline"] in (run_folder / "report.html").read_text()
    assert [line["name"] for line in get(several, "/runs").json()["runs"]] == ["a", "b"]
    report = get(several, "/runs/a/report")
    assert report.text == (run_folder / "report.html").read_text()
    assert report.headers["Content-Security-Policy"].startswith("sandbox allow-scripts; default-src 'none'; ")
    compared = get(several, "/compare?run=a&run=b")
    assert compared.status_code == 200
    assert "<title>" in compared.text
    assert compared.headers["Content-Security-Policy"] == report.headers["Content-Security-Policy"]
    for path, status in (
        ("/runs/c/report", 404),
        ("/runs/notes/report", 404),
        ("/runs/..%2Fa/report", 404),
        ("/compare?run=a", 400),
        ("/compare?run=a&run=c", 404),
    ):
        assert get(several, path).status_code == status, path
    (several.parts.runs.folder / "a" / "report.html").unlink()  # type: ignore[operator]
    assert get(several, "/runs/a/report").json()["error"]["message"] == "run: a has no report yet"


def test_the_page_may_load_nothing_but_itself(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"/": b"<!doctype html>", "/index.html": b"<!doctype html>", "/page.js": b"1", "/page.css": b"a{}"}
    monkeypatch.setattr(page, "files", lambda: files)
    served = start(keys=("key",))
    for path, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")):
        response = get(served, path)  # without a key
        assert (response.status_code, response.content) == (200, files[path])
        assert response.headers["Content-Type"].startswith(kind)
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
