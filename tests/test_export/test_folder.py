"""The folder of an export: what is in it, when it is refused, and how it answers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pyarrow.parquet
import pytest
import yaml

import jsarag
from jsarag.cli.main import main
from jsarag.data import load_examples
from jsarag.exporting.folder import summary_of
from jsarag.exporting.generator import write as write_generator
from jsarag.exporting.origin import base_of
from jsarag.metrics import block_of
from tests.test_export.conftest import KINDS, QUESTIONS, Case
from tests.test_export.letters import Letters


def refused(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> str:
    """The one line of a command that is refused."""
    assert main([str(word) for word in argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("jsarag: ")]
    assert "Traceback" not in err
    return line


@pytest.mark.parametrize("name", KINDS)
def test_an_export_answers_as_its_run(
    name: str, cases: dict[str, Case], answers: dict[str, list[jsarag.Answer]], tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(cases[name].export, tmp_path / "elsewhere"))
    assert jsarag.Run.load(moved).ask(QUESTIONS) == answers[name]


def test_a_merged_export_answers_as_its_run_without_a_base(
    cases: dict[str, Case], answers: dict[str, list[jsarag.Answer]], causal_model: Path
) -> None:
    config = (cases["merged"].export / "config.yaml").read_text()
    assert str(causal_model) not in config
    found = jsarag.Run.load(cases["merged"].export).ask(QUESTIONS)
    for a, b in zip(found, answers["merged"], strict=True):
        assert (a.text, a.passages) == (b.text, b.passages)
        assert a.log_probability == pytest.approx(b.log_probability, abs=1e-3)


def test_an_export_is_measured_as_its_run_but_for_the_posterior(cases: dict[str, Case], data: Path) -> None:
    run = jsarag.Run.load(cases["frozen"].export)
    found = run.evaluate(load_examples(data / "test.jsonl"))
    wanted = json.loads((cases["frozen"].run / "summary.json").read_text())["after"]
    assert wanted.pop("posterior")
    assert json.loads(json.dumps(found.summary)) == wanted
    with pytest.raises(jsarag.InputError, match="no posterior"):
        _ = run.posterior


def test_ask_takes_an_export(cases: dict[str, Case], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "--run", str(cases["frozen"].export), "--json", QUESTIONS[0]]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)["passages"]) == 5
    assert err == ""
    line = refused(capsys, "ask", "--run", cases["frozen"].export, "--weights", "untrained", QUESTIONS[0])
    assert "an export, which holds the weights best alone" in line


def test_files_name_nothing_of_this_machine_but_a_local_base(cases: dict[str, Case], causal_model: Path) -> None:
    for name in ("frozen", "merged"):
        case = cases[name]
        base = str(causal_model) if name == "frozen" else None
        known = {str(case.run), str(case.run.parent), str(Path.home()), str(case.export)}
        for file in case.export.rglob("*"):
            if file.is_file():
                text = file.read_bytes().decode("utf-8", "replace")
                assert not [place for place in known if place in text.replace(base or "\0", "")], file
    held = {path.name for path in (cases["frozen"].export / "generator").iterdir()}
    assert held == {"adapter_config.json", "adapter_model.safetensors"}


def test_a_summary_is_told_without_the_folders_of_this_machine(tmp_path: Path) -> None:
    here = tmp_path / "some where"
    config = jsarag.TrainConfig(
        jsarag.DataConfig(here / "kb.jsonl", here / "pairs.jsonl"), out=here, start=here / "first"
    )
    here.mkdir()
    (here / "summary.json").write_text(json.dumps({"run": {"start": f"{here}/first"}, "said": [f"{here}/kb.jsonl: 3"]}))
    assert summary_of(config) == {"run": {"start": "first"}, "said": ["kb.jsonl: 3"]}


def test_adapters_name_their_base_as_the_run_does(causal_model: Path, tmp_path: Path) -> None:
    made = jsarag.load_generator(jsarag.GeneratorConfig(str(causal_model), precision="fp32"), "cpu")
    write_generator(made, tmp_path / "generator", base="someone/base", merged=False)
    assert (
        json.loads((tmp_path / "generator/adapter_config.json").read_text())["base_model_name_or_path"]
        == "someone/base"
    )


def test_passages_are_a_table_with_what_is_known_of_them(cases: dict[str, Case], runs: dict[str, jsarag.Run]) -> None:
    table = pyarrow.parquet.read_table(cases["frozen"].export / "passages.parquet")
    assert table.column_names == ["id", "title", "text", "vector"]
    kb = runs["frozen"].pipeline.kb
    assert table.drop_columns("vector").to_pylist() == [passage.record() for passage in kb.passages]
    assert table.column("vector").to_pylist() == kb.vectors.tolist()


def test_origin_of_passages_and_the_null_passage_come_back(tmp_path: Path) -> None:
    from jsarag.exporting import passages
    from jsarag.index import Flat, as_plain

    made = [
        jsarag.Passage("1", "", "one", source="a.pdf", page=2, start=0, end=3),
        jsarag.Passage("null", "", ""),
        jsarag.Passage("3", "t", "three", source="b.md"),
    ]
    encoder = Letters()
    kb = jsarag.KnowledgeBase.build(made, encoder, Flat())
    passages.write(kb, tmp_path)
    again = passages.read(tmp_path, {**as_plain(kb.kind), "facts": {}}, kb.fingerprint, kb.similarity)
    assert again.passages == kb.passages
    assert again.null == 1
    assert (again.vectors == kb.vectors).all()
    names = pyarrow.parquet.read_schema(tmp_path / "passages.parquet").names
    assert names == ["id", "title", "text", "source", "page", "start", "end", "vector"]


def cells(card: str) -> Iterator[tuple[str, list[str]]]:
    """The rows of a card's tables of figures, each with the title of its table."""
    title = ""
    for line in card.partition("## Figures")[2].partition("\n## ")[0].splitlines():
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if row[1:2] in (["before training"], ["without training"]):
            title = row[0]
        elif len(row) > 1 and row[0] != "---":
            yield title, row


def test_the_figures_of_the_card_are_those_of_the_summary(cases: dict[str, Case]) -> None:
    summary = json.loads((cases["frozen"].export / "summary.json").read_text())
    assert summary == json.loads((cases["frozen"].run / "summary.json").read_text())
    rows = list(cells((cases["frozen"].export / "README.md").read_text()))

    def told(figure: dict[str, float], factor: int, digits: int) -> str:
        mean, low, high = (f"{factor * figure[name]:.{digits}f}".replace("-", "−") for name in ("mean", "low", "high"))
        return f"{mean} [{low}, {high}]"

    seen = 0
    sides = {"before": summary["before"], "after": summary["after"], **summary["baselines"]}
    for title, (name, *shown) in rows:
        for block in {block for side in (summary["before"], summary["after"], summary["baselines"]) for block in side}:
            if block_of(block).title != title:
                continue
            metrics = (summary["after"].get(block) or summary["baselines"].get(block)).keys()
            (metric,) = [metric for metric in metrics if block_of(block).figure(metric).title == name]
            scale = (1, 2) if block_of(block).figure(metric).unit == "nats" else (100, 1)
            if block in summary["baselines"]:
                assert shown == [told(sides[block][metric], *scale)]
            else:
                assert shown[:2] == [told(sides[when][block][metric], *scale) for when in ("before", "after")]
                p = summary["paired"]["before"].get(f"{block}/{metric}", {}).get("p")
                assert shown[2] == ("–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}")
            seen += 1
    assert seen == len(rows) > 6


def test_the_card_tells_data_models_and_command(cases: dict[str, Case]) -> None:
    text = (cases["frozen"].export / "README.md").read_text()
    _, front, card = text.split("---\n", 2)
    assert "peft" in yaml.safe_load(front)["tags"]
    prints = json.loads((cases["frozen"].run / "fingerprints.json").read_text())["data"]
    for name, part in prints.items():
        assert f"| {name} | {part['rows']} | `{part['sha256']}` |" in card
    assert "the local folder" in card
    assert "    jsarag train --config config.yaml --out frozen" in card
    prompted = (cases["prompted"].export / "README.md").read_text()
    assert "| question | `encode_query` | `{input}` | `question : ` |" in prompted
    assert "| passage | `encode_document` | `{title} . {text}` | `text : ` |" in prompted
    assert "adapters were added" in (cases["merged"].export / "README.md").read_text()


@pytest.mark.parametrize(
    ("model", "told", "hub"),
    [
        ("someone/encoder", "the hub", "someone/encoder"),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "unpacked from SmolLM2.gguf of the package", ""),
        ("SmolLM2-135M-Instruct", "unpacked from SmolLM2.gguf of the package", ""),
    ],
)
def test_a_packaged_base_is_never_called_the_hub_s(model: str, told: str, hub: str, tmp_path: Path) -> None:
    packaged = tmp_path / "SmolLM2.gguf"
    packaged.touch()
    with patch("jsarag.models.resolve._find", lambda package: packaged):
        base = base_of(model)
    assert base.told.startswith(told)
    assert (base.name, base.hub, base.local) == (model, hub, False)
    assert base.licence == ("" if hub else "apache-2.0")


def test_a_local_base_has_the_licence_of_its_own_card(tmp_path: Path) -> None:
    model = tmp_path / "mine"
    model.mkdir()
    assert base_of(str(model)).licence == ""
    (model / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    base = base_of(str(model))
    assert (base.name, base.licence, base.local, base.hub) == ("mine", "mit", True, "")
    (model / "README.md").write_text("---\nlicense: [\n---\n")
    assert base_of(str(model)).licence == ""


def test_what_cannot_be_exported_is_one_line(
    cases: dict[str, Case], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = cases["frozen"].run
    held = tmp_path / "held"
    held.mkdir()
    (held / "mine.txt").write_text("mine")
    file = tmp_path / "file"
    file.touch()

    def export(*argv: str | Path) -> str:
        return refused(capsys, "export", *argv)

    assert f"--out: {held} is not empty (it holds mine.txt); name a new folder" in export(run, "--out", held)
    assert "expected a folder, found a file" in export(run, "--out", file)
    assert "lies in" in export(run, "--out", run / "exported")
    assert "is not empty" in export(run, "--out", cases["frozen"].export)
    assert "not a run folder" in export(held, "--out", tmp_path / "new")
    assert "is an export already" in export(cases["frozen"].export, "--out", tmp_path / "new")
    assert "expected a folder to write, or a store" in export(run)
    assert "--collection: expected with --to" in export(run, "--out", tmp_path / "new", "--collection", "docs")
    assert "--merged: expected with --out" in export(run, "--to", "qdrant", ":memory:", "--merged")
    assert "--to" in export(run, "--to", "qdrant")
    assert "--weights" in export(run, "--out", tmp_path / "new", "--weights", "untrained")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "held"]
    assert (held / "mine.txt").read_text() == "mine"


def test_an_export_that_fails_leaves_nothing(cases: dict[str, Case], tmp_path: Path) -> None:
    with (
        patch("jsarag.exporting.generator.write", side_effect=RuntimeError("no more")),
        pytest.raises(RuntimeError, match="no more"),
    ):
        jsarag.export(cases["frozen"].run, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["passages.parquet", "generator/adapter_model.safetensors", "retriever/modules.json"])
def test_damage_is_told(name: str, cases: dict[str, Case], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(cases["frozen"].export, tmp_path / "copy"))
    file = copy / name
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    with pytest.raises(jsarag.InputError, match=re.escape(f"{file}: damaged or exchanged")):
        jsarag.Run.load(copy)
    assert not jsarag.check(copy).whole
    whole = jsarag.check(cases["frozen"].export)
    assert (whole.kind, whole.whole) == ("export", True)


def test_a_folder_of_a_later_version_is_refused(cases: dict[str, Case], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(cases["frozen"].export, tmp_path / "copy"))
    told = json.loads((copy / "export.json").read_text())
    (copy / "export.json").write_text(json.dumps(told | {"format": 2}))
    with pytest.raises(jsarag.InputError, match="expected format 1, found 2; update jsarag"):
        jsarag.Run.load(copy)


def test_a_run_that_is_not_finished_is_exported_without_figures(
    cases: dict[str, Case], answers: dict[str, list[jsarag.Answer]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(cases["prompted"].run, tmp_path / "run"))
    for name in ("summary.json", "checksums.json", "report.html"):
        (run / name).unlink()
    assert main(["export", str(run), "--out", str(tmp_path / "out")]) == 0
    assert "## Figures\n\nThe run is not finished" in (tmp_path / "out/README.md").read_text()
    assert not (tmp_path / "out/summary.json").exists()
    capsys.readouterr()
    assert main(["ask", "--run", str(tmp_path / "out"), "--json", QUESTIONS[0]]) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["text"], err) == (answers["prompted"][0].text, "")
