"""A run goes to a hub and comes back, through the hub's own client; what the hub refuses is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

import jsarag
from jsarag.cli.main import main
from tests.test_export.conftest import QUESTIONS, Case
from tests.test_export.hub import TOKEN, Hub, serving
from tests.test_export.test_folder import refused

# The hub's client sends large files with a word that httpx2 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, which the hub's client of this process finds; its large files go the way of Git LFS."""
    monkeypatch.chdir(tmp_path)
    with serving() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.address)
        template = f"{served.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield served


def test_a_run_goes_to_the_hub_and_answers_from_there(
    hub: Hub, cases: dict[str, Case], answers: dict[str, list[jsarag.Answer]], capsys: pytest.CaptureFixture[str]
) -> None:
    run, merged = cases["frozen"].run, cases["merged"].export
    assert main(["push", str(run), "the-guild/answers", "--merged", "--private"]) == 0
    repo = hub.repos["the-guild/answers"]
    assert repo.private
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{hub.address}/the-guild/answers/commit/{repo.branches['main']}"
    assert len(repo.commits) == 2  # all of it at once
    files = repo.commits[repo.branches["main"]]
    names = {str(file.relative_to(merged)) for file in merged.rglob("*") if file.is_file()}
    assert files.keys() == names | {".gitattributes"}
    assert b"# the-guild/answers\n" in files["README.md"]
    large = [asked for asked in hub.asked if asked.startswith("PUT /objects/")]
    assert len(large) == len([name for name in names if name.endswith((".safetensors", ".parquet", ".faiss"))])

    assert main(["ask", "--run", "the-guild/answers", QUESTIONS[0], "--json"]) == 0
    said, err = capsys.readouterr()
    found = json.loads(said)
    assert [h["passage"]["id"] for h in found["passages"]] == [h.passage.id for h in answers["frozen"][0].passages]
    assert found["text"] == answers["frozen"][0].text
    assert "not finished" not in err


def test_a_second_push_leaves_nothing_of_the_first_on_its_branch(
    hub: Hub, cases: dict[str, Case], answers: dict[str, list[jsarag.Answer]]
) -> None:
    jsarag.push(cases["shared"].run, "ada/answers", merged=True)
    repo = hub.repos["ada/answers"]
    first = repo.branches["main"]
    jsarag.push(cases["frozen"].run, "ada/answers", merged=True, revision="two")
    assert repo.branches["main"] == first
    files = repo.commits[repo.branches["two"]]
    routed = {name for name in files if name.startswith("retriever/")}
    exported = cases["merged"].export / "retriever"
    assert routed == {f"retriever/{p.relative_to(exported)}" for p in exported.rglob("*") if p.is_file()}
    found = jsarag.Run.load("ada/answers@two").ask(QUESTIONS)
    assert [answer.passages for answer in found] == [answer.passages for answer in answers["frozen"]]
    assert [answer.passages for answer in found] != [answer.passages for answer in answers["shared"]]


def test_what_the_hub_refuses_is_one_line(
    hub: Hub,
    cases: dict[str, Case],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    run = cases["frozen"].run

    def push(*argv: str | Path) -> str:
        return refused(capsys, "push", run, *argv)

    assert "name: expected OWNER/NAME on the hub, got 'answers'" in push("answers")
    assert "name: expected OWNER/NAME" in push("ada/answers@two")
    assert "adapters for the local folder" in push("ada/answers")
    assert "cannot make nobody/answers: You don't have the rights" in push("nobody/answers", "--merged")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    line = push("ada/answers", "--merged")
    assert "the hub does not take the token: " in line
    assert "hf_wrong" not in line
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert "expected a token of the hub in HF_TOKEN" in push("ada/answers", "--merged")
    assert hub.repos == {}

    def ask(name: str) -> str:
        return refused(capsys, "ask", "--run", name, QUESTIONS[0])

    assert "ada/nothing: no such folder, and the hub does not give it: " in ask("ada/nothing")
    (tmp_path / "runs").mkdir()
    assert "runs/mine: not a run folder (no such folder)" in ask("runs/mine")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "ada/nothing: no such folder, and the hub does not give it: " in ask("ada/nothing")


def test_a_repository_without_an_export_is_told(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    huggingface_hub.HfApi().create_repo("ada/other")
    line = refused(capsys, "ask", "--run", "ada/other", QUESTIONS[0])
    assert "ada/other: expected what `jsarag push` wrote, found a repository without export.json" in line


@pytest.mark.slow
def test_processes_find_the_hub_by_their_environment(cases: dict[str, Case], tmp_path: Path) -> None:
    with serving() as hub:
        place = {
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": TOKEN,
            "NO_PROXY": "127.0.0.1",
        }
        for words in (
            ["push", str(cases["frozen"].run), "ada/answers", "--merged"],
            ["ask", "--run", "ada/answers", QUESTIONS[0]],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "jsarag", *words],
                env=os.environ | place,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, "")
