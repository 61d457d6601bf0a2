"""Files as people have them, each made here by the library that writes such files, against what they hold."""

from __future__ import annotations

import csv
import gzip
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import openpyxl
import pandas as pd
import pytest

from jsarag.data import Columns, as_examples, as_passages, load_examples, read_examples, read_passages, sound
from jsarag.data.shapes.contexts import context_id
from jsarag.data.shapes.dialogs import LONGEST
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


def tree() -> dict[str, Any]:
    """A conversation as ChatGPT exports it, whose first question was asked once more."""
    turns = [("system", ""), *CHAT]
    nodes: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": ["0"]}}
    for i, (role, what) in enumerate(turns):
        message = {"author": {"role": role}, "content": {"content_type": "text", "parts": [what]}}
        nodes[str(i)] = {"id": str(i), "message": message, "parent": str(i - 1) if i else "root", "children": []}
    nodes["again"] = {**nodes["1"], "id": "again"}
    return {"title": "Lamps", "conversation_id": "c7", "mapping": nodes, "current_node": "4"}


GPT = {"user": "human", "assistant": "gpt"}
TURNS = [["c7", i, {"assistant": "system"}.get(side, side), what] for i, (side, what) in enumerate(CHAT)]
MIXED = TURNS[::-1]
NAN = float("nan")
COMMAS = "question,answer\n" + "".join(
    f'"{q}","{a}"\n'.replace('"nine"', '""nine""') for q, a in zip(QUESTIONS, ANSWERS, strict=True)
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
            "p.xlsx", Notes=[], Rest=[],
            Log=[[" Question ", "Answer", None], ["how many?", 42, None], [None] * 3, ["ok?", True]],
            More=[["a"], ["b"]],
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
        "p.jsonl: read as chat messages: 2 pairs, 1 dialog; left out: 1 system turn (line 1), 1 tool turn (line 1), "
        "1 turn without text (line 1)",
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
        table("p.csv", ["Conversation ID", "Speaker", "Message", "Turn No"], *([d, w, s, i] for d, i, w, s in MIXED)),
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
        text("p.csv", FRENCH.replace("\n", "\r\n"), "cp1252"), LATIN,
        f"p.csv: {SHAPED}; cp1252, semicolons between columns",
    ),
    "Excel's Unicode text: tabs, UTF-16": (
        text("p.csv", FRENCH.replace(";", "\t"), "utf-16"), LATIN, f"p.csv: {SHAPED}; UTF-16, tabs between columns",
    ),
    "tabs and quotes that are text": (
        text("p.tsv", 'question\tanswer\nwho?\t"Ada" she said\n'), [Example("1", "who?", ('"Ada" she said',))],
        "p.tsv: read as questions and answers: 1 pair; quotes are text",
    ),
    "blanks after commas": (
        text("p.csv", 'question, answer\n"who, or what?", "Ada, she"\nwhen?, "at nine"\n'),
        [Example("1", "who, or what?", ("Ada, she",)), Example("2", "when?", ("at nine",))], f"p.csv: {SHAPED}",
    ),
    "Excel's own first line": (
        text("p.csv", "sep=;\nquestion;answer\nwho?;Ada\n"), [Example("1", "who?", ("Ada",))],
        "p.csv: read as questions and answers: 1 pair; semicolons between columns",
    ),
    "Excel with a title above": (
        workbook("p.xlsx", Log=[["Our questions"], [], ["Question", "Answer"], ["who?", "Ada"]]),
        [Example("1", "who?", ("Ada",))], "p.xlsx: read as questions and answers: 1 pair; names in row 3",
    ),
    "tuples of pandas": (
        by("p.csv", FRAME.assign(answer=[("Ada",), ("scones", "tea")]).to_csv),
        [Example("1", QUESTIONS[0], ("Ada",)), Example("2", QUESTIONS[1], ("scones", "tea"))], f"p.csv: {SHAPED}",
    ),
    "the hub's viewer": (
        value("p.json", {"rows": [{"row_idx": i, "row": r} for i, r in enumerate(FRAME.to_dict("records"))]}), PLAIN,
        f"p.json: {SHAPED}",
    ),
    "ChatGPT's export": (
        value("conversations.json", [tree()]),
        [Example("c7/2", "hello", ("good day",)), Example("c7/4", "who lit it?", ("Ada did",), (), HISTORY)],
        "conversations.json: read as ChatGPT conversations: 2 pairs, 1 dialog; left out: 1 system turn",
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


CONTEXTS = [Passage(context_id(LAMP), "", LAMP), Passage(context_id(TEA), "", TEA)]
HELD = [{"question": "a?", "answer": "b", "context": LAMP}, {"question": "c?", "answer": "d", "context": [TEA, LAMP]}]
TITLED = [Passage(context_id(LAMP), "The Lamp", LAMP), Passage(context_id(TEA), "Tea", TEA)]
BARE = [Passage("1", "", LAMP), Passage("2", "", TEA)]

PASSAGES_AS_THEY_ARE: dict[str, tuple[Write, list[Passage], str]] = {
    "pandas to_csv": (by("kb.csv", KB.to_csv), PASSAGES, "kb.csv: read as passages: 2 passages"),
    "pandas to_json": (by("kb.json", KB.to_json), PASSAGES, "kb.json: read as passages: 2 passages"),
    "pandas to_excel": (by("kb.xlsx", KB.to_excel), PASSAGES, "kb.xlsx: read as passages: 2 passages"),
    "texts by id": (
        value("kb.json", {row["id"]: {"title": row["title"], "text": row["text"]} for row in KB.to_dict("records")}),
        PASSAGES,
        "kb.json: read as passages: 2 passages",
    ),
    "a text file": (
        text("kb.txt", f"{LAMP}\r\n\r\n\r\n{TEA}\n"),
        [Passage("1", "", LAMP), Passage("2", "", TEA)],
        "kb.txt: read as passages: 2 passages; paragraphs between blank lines",
    ),
    "Markdown": (
        text("kb.md", f"# House\n\n## Lamp ##\n{LAMP}\nmore\n\n# Tea\n\n{TEA}"),
        [Passage("1", "Lamp", f"{LAMP}\nmore"), Passage("2", "Tea", TEA)],
        "kb.md: read as passages: 2 passages; paragraphs between blank lines",
    ),
    "BEIR's corpus": (
        lines("corpus.jsonl", *({"_id": p.id, "title": p.title, "text": p.text, "metadata": {}} for p in PASSAGES)),
        PASSAGES,
        "corpus.jsonl: read as passages: 2 passages; not read: metadata",
    ),
    "Pyserini's collection": (
        lines("docs.jsonl", {"id": "p1", "contents": LAMP}),
        [Passage("p1", "", LAMP)],
        "docs.jsonl: read as passages: 1 passage",
    ),
    "LangChain's documents": (
        lines("docs.jsonl", *({"page_content": p.text, "metadata": {"source": "x"}} for p in PASSAGES)),
        BARE,
        "docs.jsonl: read as passages: 2 passages; not read: metadata",
    ),
    "a help desk's articles": (
        table(
            "kb.csv", ["Article ID", "Headline", "Body"], ["p1", "Lamp", LAMP], ["p2", "Tea", TEA], ["p3", "Soon", ""]
        ),
        PASSAGES,
        "kb.csv: read as passages: 2 passages; left out: 1 without text (line 4)",
    ),
    "whole numbers as ids": (
        lines("kb.jsonl", {"id": 7, "text": LAMP}),
        [Passage("7", "", LAMP)],
        "kb.jsonl: read as passages: 1 passage",
    ),
    "questions with their contexts": (
        lines("qa.jsonl", *HELD, {"question": "e?", "answer": "f", "context": None}),
        CONTEXTS,
        "qa.jsonl: read as contexts of questions: 2 passages; left out: 1 row without a context (line 3)",
    ),
    "SQuAD as published": (
        value("squad.json", nested()),
        TITLED,
        "squad.json: read as SQuAD articles: 2 passages",
    ),
    "SQuAD's rows": (
        by("squad.parquet", hub(SQUAD).to_parquet),
        [Passage(p.id, p.title.replace(" ", "_"), p.text) for p in TITLED],
        "squad.parquet: read as contexts of questions: 2 passages",
    ),
    "datasets to_csv": (
        by("kb.csv", datasets.Dataset.from_pandas(KB).to_csv),
        PASSAGES,
        "kb.csv: read as passages: 2 passages",
    ),
}


@pytest.mark.parametrize("name", PASSAGES_AS_THEY_ARE)
def test_passages(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, expected, said = PASSAGES_AS_THEY_ARE[name]
    monkeypatch.chdir(tmp_path)
    path = write(Path())
    reading = read_passages(path)
    assert sound(reading, path) == expected
    assert reading.said == said


TICKETS = [
    {"ticket": {"subject": "who?", "nr": 5}, "replies": [{"text": "Ada"}, {"text": "she"}], "before": [["a", "b"]]},
    {"ticket": {"subject": "when?", "nr": 6}, "replies": [{"text": "at nine"}], "before": []},
]
WAYS = Columns(id="ticket.nr", input="ticket.subject", outputs="replies[*].text", history="before")
TICKETED = [
    Example("5", "who?", ("Ada", "she"), (), (Turn("user", "a"), Turn("assistant", "b"))),
    Example("6", "when?", ("at nine",)),
]

NAMED: dict[str, tuple[Write, Columns, list[Example]]] = {
    "places within objects": (lines("t.jsonl", *TICKETS), WAYS, TICKETED),
    "places within the cells of a table": (by("t.csv", pd.DataFrame(TICKETS).to_csv), WAYS, TICKETED),
    "the first of a list": (
        lines("t.jsonl", {"log": [{"body": "who?"}, {"body": "Ada"}]}),
        Columns(input="log[0].body", outputs="log[1].body"),
        [Example("1", "who?", ("Ada",))],
    ),
    "a column with a point in its name": (
        table("t.csv", ["q.text", "a"], ["who?", "Ada"]),
        Columns(input="q.text"),
        [Example("1", "who?", ("Ada",))],
    ),
    "a column among others that are common": (
        table("t.csv", ["question", "answer", "Final Answer"], ["who?", "Eve", "Ada"], ["why?", "so", ""]),
        Columns(outputs="final_answer"),
        [Example("1", "who?", ("Ada",))],
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_columns_that_are_named(name: str, tmp_path: Path) -> None:
    write, columns, expected = NAMED[name]
    reading = read_examples(write(tmp_path), columns)
    assert sound(reading) == expected
    assert reading.shape == "the columns named"


def test_columns_of_passages_that_are_named(tmp_path: Path) -> None:
    path = lines("kb.jsonl", {"doc": {"key": 3, "de": LAMP, "name": "Lamp"}, "id": "x"})(tmp_path)
    columns = Columns(passage="doc.key", text="doc.de", title="doc.name", id="nothing here", input="nor here")
    assert sound(read_passages(path, columns)) == [Passage("3", "Lamp", LAMP)]


def save_both(folder: Path) -> Path:
    datasets.DatasetDict({"train": hub(SQUAD), "test": hub(SQUAD)}).save_to_disk(folder / "both")
    return folder / "both"


REFUSED: dict[str, tuple[Write, str]] = {
    "pandas to_json, values": (
        by("p.json", lambda p: FRAME.to_json(p, orient="values")),
        "p.json:1: expected an object with named fields, found list; pandas' orient 'values' writes no names: "
        "use orient='records'",
    ),
    "no answers": (
        table("p.csv", ["nr", "question"], ["1", "who?"]),
        "p.csv: no field 'outputs' (nor output, answers, answer ...); it has nr, question; name the column with "
        "--data.columns.outputs",
    ),
    "no header": (
        table("p.csv", ["who is it?", "Ada"], ["when?", "at nine"]),
        "p.csv: no field 'input' (nor question, query, prompt ...); it has who is it?, Ada (is its first line one of "
        "names?); name the column with --data.columns.input",
    ),
    "a folder of several splits": (save_both, "both: holds several splits; name one of both/train, both/test"),
    "another folder": (
        by("folder", Path.mkdir),
        "folder: expected a file, found a folder; join text files into one: cat folder/*.txt > kb.txt",
    ),
    "an old workbook": (text("p.xls", "x"), "p.xls: a workbook of old Excel; save it as .xlsx or .csv"),
    "a workbook that is none": (text("p.xlsx", "x"), "p.xlsx: not an Excel workbook (File is not a zip file)"),
    "several lists": (
        value("p.json", {"train": [{"question": "a?"}], "test": [{"question": "b?"}]}),
        "p.json:1: holds several lists (train, test): put each into a file of its own",
    ),
    "two columns of a name": (
        table("p.csv", ["question", "answer", "answer"], ["a", "b", "c"]),
        "p.csv:1: expected each name once, found two columns 'answer'",
    ),
    "roles of nobody": (
        table("p.csv", ["chat", "speaker", "text"], ["1", "Ada", "hello"], ["1", "Eve", "hello"]),
        "p.csv: expected a role that asks, such as 'user'; the roles are 'Ada', 'Eve'",
    ),
    "one damaged byte in UTF-8": (
        by("p.csv", lambda p: p.write_bytes(FRENCH.encode().replace(b"dix", b"d\xefx"))),
        "p.csv:3: expected UTF-8 text, found byte 0xef",
    ),
    "a Parquet file by another name": (
        by("p.csv", OWN.to_parquet),
        "p.csv: expected text, found a Parquet file; its name is to end in .parquet",
    ),
    "a pointer of Git LFS": (
        text("p.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "p.jsonl: expected text, found a pointer of Git LFS; fetch the file with `git lfs pull`",
    ),
    "JSON in cp1252": (
        text("p.json", '[{"question": "\u00e9?",\n"answer": "b"}]', "cp1252"),
        "p.json:1: expected UTF-8 text, found byte 0xe9",
    ),
    "an array that NumPy shortened": (
        by("p.csv", lambda p: OWN.assign(outputs=[np.array(["a"] * 2000), ["b"]]).to_csv(p)),
        "p.csv:2: outputs: expected a whole list, found an array whose middle NumPy left out (...), got "
        "\"['a' 'a' 'a' ... 'a' 'a' 'a']\"",
    ),
    "a quote that is never closed": (
        text("p.csv", 'question,answer\na?,b\nc?,"d\ne?,f\n'),
        "p.csv:3: not valid CSV (unexpected end of data)",
    ),
    "a file cut short": (
        by("p.jsonl.gz", lambda p: p.write_bytes(gzip.compress(b"x" * 5000)[:-9])),
        "p.jsonl.gz: not a whole gzip file",
    ),
    "all that can be wrong, the first one told": (
        lines("p.jsonl", {"input": "", "outputs": ["a"]}, {"input": "b", "outputs": []}, {"input": "c"}, ["d"]),
        "p.jsonl:1: input: expected text that is not empty, got '' (and 3 more problems; "
        "`jsarag data check p.jsonl` lists all)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_told_in_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, message = REFUSED[name]
    monkeypatch.chdir(tmp_path)
    path = write(Path())
    with pytest.raises(InputError) as raised:
        load_examples(path)
    assert str(raised.value) == message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.jsonl")
    with pytest.raises(InputError, match=r"p.jsonl: expected a file, found a pipe or a device"):
        load_examples(tmp_path / "p.jsonl")


def test_what_unpacks_to_far_more_than_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jsarag.data.formats.raw.LEAST", 1 << 20)
    path = by("p.jsonl.gz", lambda p: p.write_bytes(gzip.compress(b" " * (1 << 24))))(tmp_path)
    with pytest.raises(InputError, match=r"p.jsonl.gz: unpacks to more than 1 MiB, 100 times its size; unpack it"):
        load_examples(path)
    with zipfile.ZipFile(tmp_path / "p.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", b" " * (1 << 24))
    with pytest.raises(InputError, match=r"p.xlsx: unpacks to more than 1 MiB, 100 times its size; unpack it"):
        load_examples(tmp_path / "p.xlsx")


def test_an_encoding_that_is_named(tmp_path: Path) -> None:
    path = text("p.csv", "question,answer\n\u0447\u0442\u043e?,\u0434\u0430\n", "koi8-r")(tmp_path)
    assert load_examples(path, encoding="koi8-r") == [Example("1", "\u0447\u0442\u043e?", ("\u0434\u0430",))]
    assert load_examples(text("u.csv", FRENCH)(tmp_path), encoding="koi8-r") == LATIN  # UTF-8 all the same
    with pytest.raises(InputError, match=r"p.csv:2: expected UTF-8 text, found byte 0xde"):
        load_examples(path, encoding="utf8")
    with pytest.raises(InputError, match=r"data.encoding: expected auto or the name of an encoding, got 'koi9'"):
        load_examples(path, encoding="koi9")


def test_objects_have_the_same_shapes() -> None:
    given = Example("e", "x", ("y",))
    records = FRAME.to_dict("records")
    assert as_examples([records[0], given, records[1]]) == [replace(PLAIN[0], id="0"), given, replace(PLAIN[1], id="2")]
    assert as_examples([given, {"id": "c7", "messages": messages()}, replace(given, id="f")]) == [
        given,
        *CHATTED,
        replace(given, id="f"),
    ]
    known = {context_id(LAMP), context_id(TEA)}
    assert as_examples(hub(SQUAD), passage_ids=known) == ANSWERED
    assert as_passages(hub(SQUAD)) == [replace(p, title=p.title.replace(" ", "_")) for p in TITLED]
    assert as_passages([PASSAGES[0], {"body": TEA, "Headline": "Tea", "Article ID": "p2"}]) == PASSAGES


def test_mistakes_of_objects_name_their_position() -> None:
    with pytest.raises(InputError, match=r"examples\[1\]: answer: .* got \{'no': 1\} \(and 1 more problem\)$"):
        as_examples([{"question": "a?", "answer": "b"}] + [{"question": "a?", "answer": {"no": 1}}] * 2)
    with pytest.raises(
        InputError, match=r"passages\[0\]: no field 'text' \(nor .*\); it has colour; call the right one 'text'"
    ):
        as_passages([{"colour": "red"}])
    with pytest.raises(InputError, match=r"examples\[2\]: id '0' is there twice, first at examples\[0\]"):
        as_examples([{"question": "a?", "answer": "b"}, PLAIN[0], Example("0", "x", ("y",))])


def test_a_dialog_of_any_length_takes_little_memory(tmp_path: Path) -> None:
    turns = [["one", i, ("user", "agent")[i % 2], f"turn {i}"] for i in range(20_000)]
    path = table("p.csv", ["dialog", "turn", "role", "text"], *turns)(tmp_path)
    examples = load_examples(path)
    assert len(examples) == 10_000
    assert len(examples[-1].history) == LONGEST
    assert examples[-1].history[-1] == Turn("assistant", "turn 19997")
    assert examples[-1].history[-3] is examples[-2].history[-1]


def test_an_id_that_is_twice_within_a_record_is_noticed(tmp_path: Path) -> None:
    twice = nested()
    qas = twice["data"][0]["paragraphs"][0]["qas"]
    qas.append({**qas[0], "question": "again?"})
    reading = read_examples(value("p.json", twice)(tmp_path))
    assert [problem.kind for problem in reading.problems] == ["id is there twice"]
    assert reading.problems[0].message.startswith("id 's1' is there twice")


def test_all_mistakes_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = text(
        "p.jsonl",
        '{"id": 1, "input": "a", "outputs": ["b"]}\n{bad\n{"id": 1, "input": "", "outputs": []}\n[]\n'
        '{"id": 2, "input": "a", "outputs": "b", "gold": "z", "history": 3}\n{"id": 3, "input": "c", "outputs": "d"}\n',
    )(tmp_path)
    reading = read_examples(path, passage_ids={"y"})
    assert [(int(problem.place.rpartition(":")[2]), problem.field, problem.kind) for problem in reading.problems] == [
        (2, "", "not valid JSON"),
        (3, "input", "input: expected text that is not empty"),
        (3, "outputs", "outputs: expected at least one text"),
        (3, "", "id is there twice"),
        (4, "", "expected an object with named fields, found list"),
        (5, "gold", "gold: expected ids of passages in the knowledge base"),
        (5, "history", "history: expected a list of {role, text}"),
    ]
    assert [example.id for example in reading.items] == ["1", "3"]
    assert reading.places == [f"{path}:1", f"{path}:6"]
