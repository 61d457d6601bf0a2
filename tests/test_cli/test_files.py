"""Commands on files as people have them: each says in one line how a file was read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from jsarag.cli.main import main
from jsarag.files import read_jsonl


def tables(data: Path, folder: Path) -> tuple[Path, Path]:
    """The data set as one table of questions with contexts, as Excel writes it, and as chats with a turn a row."""
    passages = {row["id"]: row for _, row in read_jsonl(data / "passages.jsonl")}
    pairs = [row for _, row in read_jsonl(data / "train.jsonl")]
    questions, chats = folder / "questions.csv", folder / "chats.csv"
    with questions.open("w", encoding="cp1252", newline="") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["Question", "Answer", "Context", "Agent"])
        for pair in pairs:
            table.writerow([pair["input"], pair["outputs"][0], passages[pair["gold"][0]]["text"], "Zoë"])
        table.writerow(["Why?", "", passages[pairs[0]["gold"][0]]["text"], "Zoë"])
    with chats.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["dialog", "role", "text", "stars"])
        for pair in pairs[:4]:
            table.writerows([[pair["id"], "user", pair["input"], 5], [pair["id"], "agent", pair["outputs"][0], 5]])
    return questions, chats


def test_train_index_and_evaluate_say_how_files_were_read(
    options: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions, chats = tables(data, tmp_path)
    run = tmp_path / "run"
    given = {"--data.passages": questions, "--data.train": questions, "--data.dev": questions, "--data.test": chats}
    files = [str(word) for pair in given.items() for word in pair]
    assert main(["train", *options, *files, "--out", str(run)]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if ": read as " in line]
    found = "cp1252, semicolons between columns"
    pairs = (
        f"{questions}: read as questions and answers: 24 pairs; {found}; gold: contexts found in the knowledge base "
        "for 24 of 24; left out: 1 without an answer (line 26); not read: Agent"
    )
    turns = f"{chats}: read as chat turns, one a row: 4 pairs, 4 dialogs; not read: stars"
    knowledge = f"{questions}: read as contexts of questions: 12 passages; {found}; not read: Agent"
    assert said == [knowledge, pairs, pairs, turns]
    assert main(["evaluate", "--run", str(run), "--rows", str(tmp_path / "rows.jsonl")]) == 0
    assert len(read_jsonl(tmp_path / "rows.jsonl")) == 4
    assert capsys.readouterr().err.splitlines().count(turns) == 1
    assert main(["evaluate", "--run", str(run), "--data", str(questions)]) == 0
    assert pairs in capsys.readouterr().err.splitlines()
    options = ["--encoder.model", options[options.index("--encoder.model") + 1], "--encoder.precision", "fp32"]
    assert main(["index", "--passages", str(questions), "--out", str(tmp_path / "index"), *options]) == 0
    assert knowledge in capsys.readouterr().err.splitlines()
    other = ["--passages", str(chats), "--out", str(tmp_path / "chats"), *options, "--data.columns.text"]
    assert main(["index", *other, "text"]) == 0
    assert (
        capsys.readouterr()
        .err.splitlines()[0]
        .endswith("read as the columns named: 8 passages; not read: dialog, role, stars")
    )
    assert main(["index", *other, "body"]) == 2
    told = f"jsarag: {chats}: data.columns.text: no column 'body'; there are dialog, role, text, stars\n"
    assert capsys.readouterr().err == told


def test_columns_are_named_on_the_command_line(
    options: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [row for _, row in read_jsonl(data / "train.jsonl")]
    path = tmp_path / "tickets.jsonl"
    tickets = ({"ticket": {"subject": r["input"]}, "log": [{"body": y} for y in r["outputs"]]} for r in rows)
    path.write_text("".join(json.dumps(ticket) + "\n" for ticket in tickets))
    files = ["--data.train", str(path), "--data.dev", str(path), "--data.test", str(path), "--loop.steps", "2"]
    named = ["--data.columns.input", "ticket.subject", "--data.columns.outputs", "log[*].body"]
    assert main(["train", *options, *files, "--evaluation.before", "false", "--out", str(tmp_path / "no")]) == 2
    assert "name the column with --data.columns.input" in capsys.readouterr().err
    assert (
        main(["train", *options, *files, *named, "--evaluation.before", "false", "--out", str(tmp_path / "run")]) == 0
    )
    assert f"{path}: read as the columns named: 24 pairs" in capsys.readouterr().err
