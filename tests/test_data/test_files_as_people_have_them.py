"""Files as people have them, each made here by the library that writes such files, against what they hold."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import openpyxl
import pandas as pd
import pytest

from jsarag.data import Columns, Reading, read_examples, read_passages, sound
from jsarag.data.shapes.contexts import context_id
from jsarag.types import Example, InputError, Passage, Turn

Write = Callable[[Path], Path]

QUESTIONS = ["who lit the lamp?", "what's for tea, and when?"]
ANSWERS = ["Ada", 'scones; at "nine"']
PLAIN = [Example("1", QUESTIONS[0], (ANSWERS[0],)), Example("2", QUESTIONS[1], (ANSWERS[1],))]
FRAME = pd.DataFrame({"question": QUESTIONS, "answer": ANSWERS})
OWN = pd.DataFrame({"id": ["a", "b"], "input": QUESTIONS, "outputs": [["Ada", "Ada L."], ["scones"]]})
SEVERAL = [Example("a", QUESTIONS[0], ("Ada", "Ada L.")), Example("b", QUESTIONS[1], ("scones",))]
LAMP, TEA = "Ada lit the lamp.", "There is tea at nine."
SQUAD = [
    {"id": "s1", "title": "The_Lamp", "context": LAMP, "question": QUESTIONS[0], "answers": ["Ada", "Ada"]},
    {"id": "s2", "title": "The_Lamp", "context": LAMP, "question": "why?", "answers": []},
    {"id": "s3", "title": "Tea", "context": TEA, "question": "when is tea?", "answers": ["at nine", "nine"]},
]
ANSWERED = [
    Example("s1", QUESTIONS[0], ("Ada",), (context_id(LAMP),)),
    Example("s3", "when is tea?", ("at nine", "nine"), (context_id(TEA),)),
]
CHAT = [("user", "hello"), ("assistant", "good day"), ("user", "who lit it?"), ("assistant", "Ada did")]
HISTORY = (Turn("user", "hello"), Turn("assistant", "good day"))
CHATTED = [Example("c7/1", "hello", ("good day",)), Example("c7/3", "who lit it?", ("Ada did",), (), HISTORY)]
NUMBERED = [Example("1/1", "hello", ("good day",)), Example("1/3", "who lit it?", ("Ada did",), (), HISTORY)]
PASSAGES = [Passage("p1", "Lamp", LAMP), Passage("p2", "Tea", TEA)]
KB = pd.DataFrame({"id": ["p1", "p2"], "title": ["Lamp", "Tea"], "text": [LAMP, TEA]})


def text(name: str, content: str, encoding: str = "utf-8") -> Write:
    def write(folder: Path) -> Path:
        path = folder / name
        raw = content.encode(encoding)
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write


def lines(name: str, *records: Any) -> Write:
    return text(name, "".join(json.dumps(record) + "\n" for record in records))


def value(name: str, held: Any, **more: Any) -> Write:
    return text(name, json.dumps(held, **more))


def by(name: str, write: Callable[[Path], Any]) -> Write:
    """A file that a library writes."""

    def made(folder: Path) -> Path:
        write(folder / name)
        return folder / name

    return made


def table(name: str, *rows: list[Any], separator: str = ",", encoding: str = "utf-8") -> Write:
    def write(folder: Path) -> Path:
        with (folder / name).open("w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=separator).writerows(rows)
        return folder / name

    return write


def workbook(name: str, **sheets: list[list[Any]]) -> Write:
    def write(folder: Path) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        book.save(folder / name)
        return folder / name

    return write


def hub(rows: list[dict[str, Any]]) -> datasets.Dataset:
    """SQuAD's rows as `datasets` lays them out."""
    laid = [{**row, "answers": {"text": row["answers"], "answer_start": [0] * len(row["answers"])}} for row in rows]
    return datasets.Dataset.from_list(laid)


def messages(role: str = "role", said: str = "content", names: dict[str, str] | None = None) -> list[dict[str, str]]:
    return [{role: (names or {}).get(side, side), said: what} for side, what in CHAT]


def nested() -> dict[str, Any]:
    articles: dict[str, Any] = {}
    for row in SQUAD:
        paragraphs = articles.setdefault(str(row["title"]), {})
        marked = [{"text": answer, "answer_start": 0} for answer in row["answers"]]
        one = {"id": row["id"], "question": row["question"], "answers": marked, "is_impossible": not marked}
        paragraphs.setdefault(row["context"], []).append(one)
    data = [
        {"title": title, "paragraphs": [{"context": context, "qas": qas} for context, qas in paragraphs.items()]}
        for title, paragraphs in articles.items()
    ]
    return {"version": "v2.0", "data": data}


GPT = {"user": "human", "assistant": "gpt"}
TURNS = [["c7", i, {"assistant": "system"}.get(side, side), what] for i, (side, what) in enumerate(CHAT)]
NAN = float("nan")
COMMAS = "question,answer\n" + "".join(
    f'"{q}","{a}"\n'.replace('"nine"', '""nine""') for q, a in zip(QUESTIONS, ANSWERS)
)
ALPACA = [
    {"instruction": "Answer.", "input": "who lit it?", "output": "Ada"},
    {"instruction": "Say hello.", "input": "", "output": "hello", "history": [["hi?", "yes?"]], "system": "Be kind."},
]
ALPACAS = [
    Example("1", "Answer.\nwho lit it?", ("Ada",)),
    Example("2", "Say hello.", ("hello",), (), (Turn("user", "hi?"), Turn("assistant", "yes?"))),
]
LATIN = [Example("1", "où est l’été ?", ("à côté",)), Example("2", "quel âge ?", ("dix € «peut-être»",))]
FRENCH = "question;answer\noù est l’été ?;à côté\nquel âge ?;dix € «peut-être»\n"
SHAPED = "read as questions and answers: 2 pairs"

PAIRS: dict[str, tuple[Write, list[Example], str]] = {
    "pandas to_csv": (by("p.csv", lambda p: FRAME.to_csv(p, index=False)), PLAIN, f"p.csv: {SHAPED}"),
    "pandas to_csv with its index": (by("p.csv", FRAME.to_csv), PLAIN, f"p.csv: {SHAPED}"),
    "pandas to_csv, tabs": (by("p.tsv", lambda p: FRAME.to_csv(p, index=False, sep="\t")), PLAIN, f"p.tsv: {SHAPED}"),
    "pandas to_csv, gzip": (by("p.csv.gz", lambda p: FRAME.to_csv(p, index=False)), PLAIN, f"p.csv.gz: {SHAPED}"),
    "pandas to_csv of lists": (by("p.csv", OWN.to_csv), SEVERAL, "p.csv: read as pairs: 2 pairs"),
    "pandas to_csv of NumPy's arrays": (
        by("p.csv", OWN.assign(outputs=OWN["outputs"].map(np.array)).to_csv), SEVERAL, "p.csv: read as pairs: 2 pairs",
    ),
    "pandas to_json": (by("p.json", FRAME.to_json), PLAIN, f"p.json: {SHAPED}"),
    "pandas to_json, records": (by("p.json", lambda p: FRAME.to_json(p, orient="records")), PLAIN, f"p.json: {SHAPED}"),
    "pandas to_json, index": (by("p.json", lambda p: FRAME.to_json(p, orient="index")), PLAIN, f"p.json: {SHAPED}"),
    "pandas to_json, split": (by("p.json", lambda p: FRAME.to_json(p, orient="split")), PLAIN, f"p.json: {SHAPED}"),
    "pandas to_json, table": (by("p.json", lambda p: FRAME.to_json(p, orient="table")), PLAIN, f"p.json: {SHAPED}"),
    "pandas to_json, lines": (
        by("p.jsonl", lambda p: FRAME.to_json(p, orient="records", lines=True)), PLAIN, f"p.jsonl: {SHAPED}",
    ),
    "pandas to_json, labelled by ids": (
        by("p.json", OWN.set_index("id").to_json), SEVERAL, "p.json: read as pairs: 2 pairs",
    ),
    "pandas to_parquet": (by("p.parquet", OWN.to_parquet), SEVERAL, "p.parquet: read as pairs: 2 pairs"),
    "pandas to_excel": (by("p.xlsx", lambda p: FRAME.to_excel(p, index=False)), PLAIN, f"p.xlsx: {SHAPED}"),
    "pandas' rows without an answer": (
        by("p.csv", pd.concat([FRAME, pd.DataFrame({"question": ["why?", NAN], "answer": [NAN, "so"]})]).to_csv),
        PLAIN,
        f"p.csv: {SHAPED}; left out: 1 without an answer (line 4), 1 without a question (line 5)",
    ),
    "pandas' floating ids": (
        by("p.csv", FRAME.assign(id=[7.0, 8.0]).to_csv),
        [Example("7", QUESTIONS[0], (ANSWERS[0],)), Example("8", QUESTIONS[1], (ANSWERS[1],))],
        f"p.csv: {SHAPED}",
    ),
    "a dict of lists": (value("p.json", FRAME.to_dict("list")), PLAIN, f"p.json: {SHAPED}"),
    "Excel, two sheets, blanks and numbers": (
        workbook(
            "p.xlsx", Notes=[], Log=[[" Question ", "Answer", None], ["how many?", 42, None], [None] * 3, ["ok?", True]],
            Rest=[["a"], ["b"]],
        ),
        [Example("1", "how many?", ("42",)), Example("2", "ok?", ("TRUE",))],
        f"p.xlsx: {SHAPED}; sheet 'Log' of 2 sheets",
    ),
    "datasets to_json": (by("p.jsonl", hub(SQUAD).to_json), ANSWERED, "p.jsonl: read as SQuAD rows: 2 pairs"),
    "datasets to_csv": (by("p.csv", hub(SQUAD).to_csv), ANSWERED, "p.csv: read as SQuAD rows: 2 pairs"),
    "datasets to_parquet": (by("p.parquet", hub(SQUAD).to_parquet), ANSWERED, "p.parquet: read as SQuAD rows: 2 pairs"),
    "datasets save_to_disk": (by("saved", hub(SQUAD).save_to_disk), ANSWERED, "saved: read as SQuAD rows: 2 pairs"),
    "datasets to pandas to_csv": (
        by("p.csv", lambda p: hub(SQUAD).to_pandas().to_csv(p)), ANSWERED, "p.csv: read as SQuAD rows: 2 pairs",
    ),
    "SQuAD as published": (
        value("p.json", nested()), ANSWERED,
        "p.json: read as SQuAD articles: 2 pairs; gold: contexts found in the knowledge base for 2 of 2; "
        "left out: 1 without an answer (line 1 (record 1))",
    ),
    "chat messages": (
        lines("p.jsonl", {"id": "c7", "messages": messages()}), CHATTED,
        "p.jsonl: read as chat messages: 2 pairs, 1 dialog",
    ),
    "chat messages with a system's and a tool's turns": (
        lines(
            "p.jsonl",
            {
                "messages": [
                    {"role": "system", "content": "Be kind."}, *messages()[:3],
                    {"role": "tool", "content": "{}"}, {"role": "assistant", "content": None, "tool_calls": []},
                    {"role": "assistant", "content": [{"type": "text", "text": "Ada did"}]},
                ]
            },
        ),
        [Example("1/2", "hello", ("good day",)), Example("1/6", "who lit it?", ("Ada did",), (), HISTORY)],
        "p.jsonl: read as chat messages: 2 pairs, 1 dialog; left out: 1 system turns (line 1), 1 tool turns (line 1), "
        "1 turns without text (line 1)",
    ),
    "chat messages in a CSV cell": (
        by("p.csv", pd.DataFrame({"id": ["c7"], "messages": [messages()]}).to_csv), CHATTED,
        "p.csv: read as chat messages: 2 pairs, 1 dialog",
    ),
    "ShareGPT": (
        value("p.json", [{"conversations": messages("from", "value", GPT)}], indent=2), NUMBERED,
        "p.json: read as ShareGPT conversations: 2 pairs, 1 dialog",
    ),
    "a turn a row": (
        table("p.csv", ["dialog", "turn", "role", "text", "page"], *([*turn, "x"] for turn in TURNS)), CHATTED,
        "p.csv: read as chat turns, one a row: 2 pairs, 1 dialog; not read: page",
    ),
    "a turn a row, out of order, other names": (
        table("p.csv", ["Conversation ID", "Speaker", "Message", "Turn No"], *([d, w, s, i] for d, i, w, s in TURNS[::-1])),
        CHATTED, "p.csv: read as chat turns, one a row: 2 pairs, 1 dialog",
    ),
    "a turn a row, two roles": (
        table("p.csv", ["chat_id", "sender", "text"], ["1", "Customer", "hello"], ["1", "Ms Vey", "good day"]),
        [Example("1/1", "hello", ("good day",))], "p.csv: read as chat turns, one a row: 1 pair, 1 dialog",
    ),
    "Alpaca": (value("p.json", ALPACA), ALPACAS, "p.json: read as Alpaca instructions: 2 pairs; not read: system"),
    "prompt and completion": (
        lines("p.jsonl", *({"prompt": q, "completion": a} for q, a in zip(QUESTIONS, ANSWERS, strict=True))), PLAIN,
        f"p.jsonl: {SHAPED}",
    ),
    "prompt and completion of messages": (
        lines("p.jsonl", {"prompt": messages()[:3], "completion": messages()[3:]}),
        [Example("1", "who lit it?", ("Ada did",), (), HISTORY)],
        "p.jsonl: read as prompts and completions: 1 pair",
    ),
    "an object that holds the list": (
        value("p.json", {"version": 1, "data": FRAME.to_dict("records")}, indent=1), PLAIN, f"p.json: {SHAPED}",
    ),
    "one object a line in .json": (lines("p.json", *FRAME.to_dict("records")), PLAIN, f"p.json: {SHAPED}"),
    "a list in .jsonl": (value("p.jsonl", FRAME.to_dict("records"), indent=1), PLAIN, f"p.jsonl: {SHAPED}"),
    "objects over several lines in .jsonl": (
        text("p.jsonl", "\n".join(json.dumps(record, indent=2) for record in FRAME.to_dict("records"))), PLAIN,
        f"p.jsonl: {SHAPED}",
    ),
    ".jsonl.gz": (lines("p.jsonl.gz", *FRAME.to_dict("records")), PLAIN, f"p.jsonl.gz: {SHAPED}"),
    "JSON in UTF-16": (text("p.json", FRAME.to_json(orient="records"), "utf-16"), PLAIN, f"p.json: {SHAPED}; UTF-16"),
    "a BOM": (text("p.csv", COMMAS, "utf-8-sig"), PLAIN, f"p.csv: {SHAPED}"),
    "headers in other case, with blanks": (
        text("p.csv", COMMAS.replace("question,answer", " QUESTION , Answer ")), PLAIN, f"p.csv: {SHAPED}",
    ),
    "Excel's CSV: semicolons, cp1252": (
        text("p.csv", FRENCH.replace("\n", "\r\n"), "cp1252"), LATIN, f"p.csv: {SHAPED}; cp1252, semicolons between columns",
    ),
    "Excel's Unicode text: tabs, UTF-16": (
        text("p.csv", FRENCH.replace(";", "\t"), "utf-16"), LATIN, f"p.csv: {SHAPED}; UTF-16, tabs between columns",
    ),
    "tabs and quotes that are text": (
        text("p.tsv", 'question\tanswer\nwho?\t"Ada" she said\n'), [Example("1", "who?", ('"Ada" she said',))],
        "p.tsv: read as questions and answers: 1 pair; quotes are text",
    ),
    "history with content, by turns, in pairs": (
        lines(
            "p.jsonl",
            {"id": 1, "input": "a?", "outputs": "b", "history": [{"role": "u", "content": "x"}]},
            {"id": 2, "input": "a?", "outputs": "b", "history": ["x", "y"]},
            {"id": 3, "input": "a?", "outputs": "b", "history": [["x", "y"]]},
            {"id": 4, "input": "a?", "outputs": "b", "history": [{"from": "u", "value": "x"}]},
        ),
        [
            Example("1", "a?", ("b",), (), (Turn("u", "x"),)),
            Example("2", "a?", ("b",), (), (Turn("user", "x"), Turn("assistant", "y"))),
            Example("3", "a?", ("b",), (), (Turn("user", "x"), Turn("assistant", "y"))),
            Example("4", "a?", ("b",), (), (Turn("u", "x"),)),
        ],
        "p.jsonl: read as pairs: 4 pairs",
    ),
    "texts that begin with [ and {": (
        text("p.csv", "question,answer\n[sic] who?,[laughs] Ada\n{x} is?,{y}\n"),
        [Example("1", "[sic] who?", ("[laughs] Ada",)), Example("2", "{x} is?", ("{y}",))],
        f"p.csv: {SHAPED}",
    ),
    "numbers as answers": (
        lines("p.jsonl", {"question": "a?", "answer": 42}, {"question": "b?", "answer": [1.5, True]}),
        [Example("1", "a?", ("42",)), Example("2", "b?", ("1.5", "true"))],
        f"p.jsonl: {SHAPED}",
    ),
    "whole numbers as ids, also in gold": (
        lines("p.jsonl", {"id": 3, "input": "a?", "outputs": ["b"], "gold": [1, 2]}),
        [Example("3", "a?", ("b",), ("1", "2"))],
        "p.jsonl: read as pairs: 1 pair",
    ),
    "gold in a table": (
        text("p.csv", 'question,answer,gold\na?,b,1.0\nc?,d,"[1, 2]"\ne?,f,1;2\ng?,h,\n'),
        [Example(str(i), q, (a,), g) for i, (q, a, g) in enumerate(
            [("a?", "b", ("1",)), ("c?", "d", ("1", "2")), ("e?", "f", ("1", "2")), ("g?", "h", ())], start=1)],
        "p.csv: read as questions and answers: 4 pairs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, expected, said = PAIRS[name]
    monkeypatch.chdir(tmp_path)
    path = write(Path())
    known = {"1", "2", context_id(LAMP), context_id(TEA)}
    reading = read_examples(path, passage_ids=known)
    assert sound(reading, path) == expected
    assert reading.said.startswith(said)
    assert len(reading.places) == len(reading.dialogs) == len(expected)
