"""A path may be given as text wherever the public Python interface takes one, and mypy agrees."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest

import jsarag
from jsarag.cli.train import configured
from jsarag.config import as_yaml, plain
from jsarag.data import load_examples, load_passages
from jsarag.objectives import Concat


def test_fields_hold_paths_whether_given_as_text_or_as_paths() -> None:
    data = jsarag.DataConfig("kb.jsonl", "pairs.jsonl", dev="dev.jsonl", test=Path("test.jsonl"))
    assert (data.passages, data.train) == (Path("kb.jsonl"), Path("pairs.jsonl"))
    assert (data.dev, data.test) == (Path("dev.jsonl"), Path("test.jsonl"))
    assert jsarag.DataConfig("kb.jsonl", "pairs.jsonl").dev is None
    config = jsarag.TrainConfig(data, out="runs/a", start="runs/b", objective=Concat())
    assert (config.out, config.start) == (Path("runs/a"), Path("runs/b"))
    assert jsarag.TrainConfig(data).out == Path("runs/latest")
    assert dataclasses.replace(config, out="runs/c").out == Path("runs/c")
    assert jsarag.IndexConfig(path="indexes/kb").path == Path("indexes/kb")


def test_every_field_of_a_configuration_that_is_a_path_takes_text() -> None:
    """A field that is added later without `as_paths` fails here: its text would stay text."""
    seen = set()
    for name in dir(jsarag):
        kind = getattr(jsarag, name)
        if not (inspect.isclass(kind) and dataclasses.is_dataclass(kind) and name.endswith("Config")):
            continue
        paths = {field.name for field in dataclasses.fields(kind) if "Path" in str(field.type)}
        needed: dict[str, Any] = {
            "TrainConfig": {"data": jsarag.DataConfig("kb.jsonl", "pairs.jsonl"), "objective": Concat()}
        }.get(name, {})
        built: Any = kind(**dict.fromkeys(paths, "some/where"), **needed)
        assert {field: getattr(built, field) for field in paths} == dict.fromkeys(paths, Path("some/where"))
        seen |= {(name, field) for field in paths}
    assert {("DataConfig", "passages"), ("TrainConfig", "out"), ("IndexConfig", "path")} <= seen


@pytest.mark.parametrize("wrong", [5, ["kb.jsonl"], b"kb.jsonl"])
def test_what_is_no_path_is_one_line(wrong: Any) -> None:
    with pytest.raises(jsarag.InputError, match=r"^data\.passages: expected a path, got "):
        jsarag.DataConfig(wrong, "pairs.jsonl")


def test_the_parser_and_the_saved_configuration_are_the_same_from_text_and_from_options(tmp_path: Path) -> None:
    made = jsarag.TrainConfig(jsarag.DataConfig("kb.jsonl", "pairs.jsonl"), out="runs/a")
    parsed = configured(["--data.passages", "kb.jsonl", "--data.train", "pairs.jsonl", "--out", "runs/a"], "train", "")
    assert made == parsed
    assert plain(made)["data"]["passages"] == "kb.jsonl"
    (tmp_path / "config.yaml").write_text(as_yaml(made))
    assert jsarag.load_config(str(tmp_path / "config.yaml")) == made


def test_functions_take_text(options: list[str], data: Path, tmp_path: Path) -> None:
    passages = load_passages(str(data / "passages.jsonl"))
    assert passages == load_passages(data / "passages.jsonl")
    assert load_examples(str(data / "test.jsonl")) == load_examples(data / "test.jsonl")
    config = configured([*options, "--loop.steps", "1"], "train", "")
    index = str(tmp_path / "index")
    kb = jsarag.build_index(str(data / "passages.jsonl"), index, encoder=config.encoder)
    kb.save(index)
    assert jsarag.KnowledgeBase.load(index).passages == passages
    runs = [str(tmp_path / name) for name in ("a", "b")]
    for seed, out in enumerate(runs):
        again = dataclasses.replace(config, out=out, loop=dataclasses.replace(config.loop, seed=seed))
        assert jsarag.train(dataclasses.replace(again, index=jsarag.IndexConfig(path=index))) is not None
    assert jsarag.resume(runs[0]) is not None
    run = jsarag.Run.load(runs[0])
    test = str(data / "test.jsonl")
    assert run.evaluate(test).summary == jsarag.Run.load(Path(runs[0])).evaluate(Path(test)).summary
    assert list(run.evaluate_modes(test, ["top-1"]).summary["modes"]) == ["top-1"]
    written = {name: str(tmp_path / f"figures.{name}") for name in ("json", "md", "html")}
    jsarag.compare(runs, resamples=10, figures=written["json"], markdown=written["md"], page=written["html"])
    assert all(Path(file).stat().st_size for file in written.values())
    assert jsarag.stage("concat", runs[0]).start == Path(runs[0])
