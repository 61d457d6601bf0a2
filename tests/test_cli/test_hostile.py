"""Texts of others that would steer a terminal, forge a message, run in a spreadsheet or lead out of a folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from jsarag import api
from jsarag.cli.answers import show
from jsarag.cli.figures import show_contrast
from jsarag.cli.main import main
from jsarag.display.visible import json_line, visible, visible_line
from jsarag.evaluation import write_table
from jsarag.files import read_json, write_json
from jsarag.index.milvus import Milvus
from jsarag.report import contrast_markdown
from jsarag.training.kept import pointed
from jsarag.types import Answer, InputError, Passage, Retrieved
from tests import world
from tests.test_report import test_compare

STEERING = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnirts\x08\x7f\ud800[/][bold]"


def test_what_steers_a_terminal_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = Passage(f"id{STEERING}", STEERING, f"text{STEERING}\n{'word ' * 40}", source=STEERING)
    for full in (False, True):
        show(STEERING, Answer(STEERING, 0.0, (Retrieved(hostile, 1.0, 1.0),)), full=full)
    out = capsys.readouterr().out
    assert not set(out) & set("\x1b\x07\x9b\u202e\x08\x7f\ud800")
    assert "\\x1b[2J" in out
    assert "\\u202e" in out
    assert "[/][bold]" in out


def test_lines_stay_lines_and_names_stay_on_one() -> None:
    assert visible("a\r\nb\tc\nd") == "a\nb\tc\nd"
    assert visible("a\rb") == "a\\rb"
    assert visible_line("a\nb\u2028c\rd") == "a\\nb\\u2028c\\rd"
    assert visible("שלום naïve 日本 🚢") == "שלום naïve 日本 🚢"


def test_json_is_the_same_value_and_clean() -> None:
    value = {"text": STEERING.replace("\ud800", ""), "lines": "a\nb"}
    line = json_line(value)
    assert json.loads(line) == value
    assert line.isprintable()
    assert "\n" not in line


def test_a_name_forges_no_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "kb.jsonl\njsarag: all is well\x1b[1A"
    assert main(["index", "--passages", str(tmp_path / name), "--out", str(tmp_path / "index")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "kb.jsonl\\njsarag: all is well\\x1b[1A" in line


def test_a_pointer_leads_to_this_run_alone(
    data: Path, encoder_model: Path, causal_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [tmp_path / "runs" / name for name in "ab"]
    for run in runs:
        options = world.options(data, encoder_model, causal_model, run)
        short = ("--loop.steps", "1", "--evaluation.before", "false", "--evaluation.closed_book", "false")
        assert main(["train", *options, *short]) == 0
    pointer = runs[0] / "checkpoints" / "last.json"
    named: dict[str, Any] = read_json(pointer)
    for way in (f"../../b/checkpoints/{named['folder']}", f"x/../{named['folder']}", str(runs[1] / named["folder"])):
        write_json(pointer, named | {"folder": way})
        with pytest.raises(InputError, match=r"last\.json: damaged"):
            pointed(runs[0], "last")
        capsys.readouterr()
        assert main(["ask", "what ?", "--run", str(runs[0]), "--weights", "last"]) == 2
        assert "damaged" in capsys.readouterr().err


def test_a_spreadsheet_runs_no_answer(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\t=1", "plain", "a=b"]
    write_table(tmp_path / "t.csv", [{"id": str(i), "answer": text, "f1": -0.5} for i, text in enumerate(texts)])
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["answer"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'\t=1", "plain", "a=b"]
    assert rows[0]["f1"] == "-0.5"


def test_names_are_text_in_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "<img/src=x> | [/] `a`"
    made = [
        test_compare.make(tmp_path / str(i), seed=0, wins=10 * i, objective=json.dumps(label))
        for i, label in enumerate(["jsa", name])
    ]
    groups = api.compare(made)
    (row,) = [line for line in contrast_markdown(groups).splitlines() if "img" in line]
    assert row.startswith("| \\<img/src=x\\> \\| \\[/\\] \\`a\\` |")
    show_contrast(groups)
    assert "[/]" in capsys.readouterr().out


def test_a_password_is_neither_kept_nor_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="MILVUS_TOKEN") as raised:
        Milvus(uri="http://me:s3cret@localhost:19530")
    assert "s3cret" not in str(raised.value)
    kind = ["--index", "milvus", "--index.uri", "http://me:s3cret@localhost:1"]
    assert main(["index", *kind, "--passages", "x", "--out", "y"]) == 2
    assert "s3cret" not in "".join(capsys.readouterr())
