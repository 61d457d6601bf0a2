"""A run and an index open from every current folder and after the run folder has moved; the hub is asked no path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

import jsarag
from jsarag.cli.main import main
from jsarag.index import Milvus
from jsarag.models.resolve import local, resolve
from tests import world

QUICK = ("--loop.steps", "1", "--evaluation.before", "false", "--evaluation.answers", "false")
QUESTION = "where is the red lamp ?"


@pytest.fixture
def typed(data: Path, encoder_model: Path, causal_model: Path, tmp_path: Path) -> list[str]:
    """The options of a run by relative paths, as they are typed in the folder ``tmp_path / "typed"``."""
    folder = tmp_path / "typed"
    for name, source in {"data": data, "models/encoder": encoder_model, "models/generator": causal_model}.items():
        shutil.copytree(source, folder / name)
    return [
        *world.options(Path("data"), Path("models/encoder"), Path("models/generator"), Path("runs/mine")),
        *("--index.path", "kb", "--data.dev", "runs/mine/own/dev.jsonl", *QUICK),
    ]


def test_a_run_by_relative_paths_opens_from_another_folder_and_after_it_has_moved(
    typed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "typed"
    own = folder / "runs" / "mine" / "own"
    shutil.copytree(folder / "data", own)
    monkeypatch.chdir(folder)
    index = ("--passages", "data/passages.jsonl", "--out", "kb", "--encoder.model", "models/encoder")
    assert main(["index", *index, "--encoder.precision", "fp32"]) == 0
    assert main(["train", *typed]) == 0
    expected = jsarag.Run.load("runs/mine").ask(QUESTION)
    config = yaml.safe_load((folder / "runs" / "mine" / "config.yaml").read_text())
    assert config["data"]["train"] == str(folder / "data" / "train.jsonl")
    assert config["data"]["dev"] == "own/dev.jsonl"
    assert config["generator"]["model"] == str(folder / "models" / "generator")
    assert config["index"]["path"] == str(folder / "kb")

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (folder / "runs" / "mine").rename("moved")
    assert jsarag.Run.load("moved").ask(QUESTION) == expected
    assert main(["evaluate", "--run", "moved", "--limit", "1"]) == 0
    # An interrupted run as well.
    Path("moved/summary.json").unlink()
    assert main(["train", "--resume", "moved"]) == 0
    monkeypatch.chdir(tmp_path)
    assert jsarag.Run.load("elsewhere/moved").ask(QUESTION) == expected

    shutil.rmtree(folder / "models" / "generator")
    capsys.readouterr()
    assert main(["ask", "--run", "elsewhere/moved", QUESTION]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"jsarag: generator.model: no model at '{folder / 'models' / 'generator'}'")


def test_a_model_within_the_run_folder_moves_with_it(
    options: list[str], encoder_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(encoder_model, tmp_path / "run" / "own-encoder")
    monkeypatch.chdir(tmp_path)
    assert main(["train", *options, *QUICK, "--encoder.model", "run/own-encoder"]) == 0
    assert yaml.safe_load(Path("run/config.yaml").read_text())["encoder"]["model"] == "./own-encoder"
    (tmp_path / "run").rename(tmp_path / "moved")
    monkeypatch.chdir(encoder_model)
    assert jsarag.Run.load(tmp_path / "moved").ask(QUESTION).passages


def test_a_run_of_an_earlier_version_opens_from_the_folder_where_its_paths_were_typed(
    typed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "typed"
    monkeypatch.chdir(folder)
    shutil.copytree("data", "runs/mine/own")
    assert main(["train", *typed, "--index.path", "null"]) == 0
    file = Path("runs/mine/config.yaml")
    # That version did not sign its settings.
    text = file.read_text().partition("# jsarag: run")[0]
    file.write_text(text.replace(f"{folder}/", "").replace("own/dev", "runs/mine/own/dev"))
    assert "model: models/encoder" in file.read_text()
    assert jsarag.Run.load("runs/mine").ask(QUESTION).passages
    Path("runs/mine/summary.json").unlink()
    assert main(["train", "--resume", "runs/mine"]) == 0
    monkeypatch.chdir(tmp_path)  # now as this version keeps them
    assert jsarag.Run.load("typed/runs/mine").ask(QUESTION).passages


@pytest.mark.parametrize(
    "name",
    ["./enc", "../enc", "~/no/enc", "~nobody/enc", "/no/enc", "a/b/enc", "models/enc/", "enc/", "my enc", ".enc"],
)
def test_a_name_that_is_a_path_is_never_asked_of_the_hub(name: str) -> None:
    assert local(name)
    with pytest.raises(jsarag.InputError, match=r"^encoder\.model: no model at "):
        resolve(name, "encoder.model")


@pytest.mark.parametrize("name", ["gpt2", "owner/model", "BAAI/bge-small-en-v1.5", "Qwen/Qwen3_0.6B"])
def test_ids_on_the_hub_stay_as_they_are(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not local(name)
    assert resolve(name, "encoder.model") == name


def test_a_file_of_milvus_lite_is_kept_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Milvus(uri="here.db").uri == str(tmp_path / "here.db")
    assert Milvus(uri="http://host:19530").uri == "http://host:19530"


def test_a_run_that_moves_with_its_models_and_files_finds_them(
    typed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "typed"
    monkeypatch.chdir(folder)
    plain = typed[: typed.index("--index.path")]
    assert main(["train", *plain, *QUICK]) == 0
    answer = jsarag.Run.load("runs/mine").ask(QUESTION)
    monkeypatch.chdir(tmp_path)
    # From another folder, by a relative path; then as a whole elsewhere, such as on another machine.
    assert jsarag.Run.load("typed/runs/mine").ask(QUESTION) == answer
    shutil.move(folder, tmp_path / "elsewhere" / "deep")
    run = Path("elsewhere/deep/runs/mine")
    loaded = jsarag.Run.load(run)
    assert loaded.ask(QUESTION) == answer
    assert loaded.config.data.train == (tmp_path / "elsewhere/deep/data/train.jsonl")
    (run / "summary.json").unlink()
    assert jsarag.resume(run) is not None
    # Where the model is not beside the run either, the message names the place it had.
    shutil.move(tmp_path / "elsewhere/deep/models", tmp_path / "models")
    capsys.readouterr()
    assert main(["ask", "--run", str(run), QUESTION]) == 2
    assert f"no model at '{tmp_path / 'elsewhere/deep/models'}" in capsys.readouterr().err
