"""Files in four formats, every mistake that can stand in them, and the rendering of dialogs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jsarag.data import HistoryConfig, load_examples, load_passages, render
from jsarag.types import Example, InputError, Passage, Turn

PASSAGES = [
    {"id": "a", "title": "Lamp, red", "text": 'It "shines"\u2028twice.'},
    {"id": "b", "title": "Boat", "text": "First line\nsecond line"},
]
EXAMPLES: list[dict[str, Any]] = [
    {"id": "1", "input": "who?", "outputs": ["Ada", "ada"], "gold": ["a"], "history": []},
    {
        "id": "2",
        "input": "and when?",
        "outputs": ["at nine"],
        "gold": ["a", "b"],
        "history": [{"role": "user", "text": "who?"}, {"role": "system", "text": "Ada"}],
    },
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys())
            table.writeheader()
            for row in rows:
                table.writerow({k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()})
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("extension", ["jsonl", "json", "csv", "parquet"])
def test_four_formats_hold_the_same(tmp_path: Path, extension: str) -> None:
    passages = load_passages(write(tmp_path / f"kb.{extension}", PASSAGES))
    assert passages == [Passage(p["id"], p["title"], p["text"]) for p in PASSAGES]
    examples = load_examples(write(tmp_path / f"pairs.{extension}", EXAMPLES), passage_ids={"a", "b"})
    assert examples[0] == Example("1", "who?", ("Ada", "ada"), ("a",))
    assert examples[1].history == (Turn("user", "who?"), Turn("system", "Ada"))
    assert examples[1].gold == ("a", "b")


BAD_PASSAGES = {
    '{"id": "a", "text": "x"}\n{"id": "b"': r"kb.jsonl:2: not valid JSON",
    '{"id": "a", "text": "x"}\n\n{"id": "a", "text": "y"}': r"kb.jsonl:3: id 'a' is there twice, first at .*kb.jsonl:1",
    '{"id": "a", "text": "x"}\n{"text": "y"}': r"kb.jsonl:2: no field 'id'; it has text",
    '{"id": "a"}': r"kb.jsonl:1: no field 'text'",
    '{"id": "a", "text": "  "}': r"kb.jsonl:1: text: expected text that is not empty",
    '{"id": "a", "text": 3}': r"kb.jsonl:1: text: expected text .* got 3",
    '{"id": true, "text": "x"}': r"kb.jsonl:1: id: expected text",
    '["a"]': r"kb.jsonl:1: expected an object with named fields, found list",
    "\n": r"kb.jsonl: holds no passages",
    "": r"kb.jsonl: holds no passages",
}


@pytest.mark.parametrize(("content", "message"), BAD_PASSAGES.items())
def test_bad_passages_are_named_by_file_and_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "kb.jsonl").write_text(content)
    with pytest.raises(InputError, match=message):
        load_passages(tmp_path / "kb.jsonl")


@pytest.mark.parametrize("extension", ["jsonl", "json", "csv", "parquet"])
def test_four_formats_hold_grades_and_excluded_passages(tmp_path: Path, extension: str) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "input": "x", "outputs": ["y"], "gold": {"a": 1, "b": 3, "c": 0}, "exclude": ["d"]},
        {"id": "2", "input": "x", "outputs": ["y"], "gold": {"b": 1}, "exclude": []},
        {"id": "3", "input": "x", "outputs": ["y"], "gold": {}, "exclude": []},
    ]
    one, two, three = load_examples(write(tmp_path / f"pairs.{extension}", rows), passage_ids=set("abcd"))
    assert (one.gold, one.grades, one.exclude) == (("b", "a"), (3, 1), ("d",))  # best first
    assert one.relevance == {"b": 3, "a": 1}
    # Where all grades are 1 there is nothing to tell from a list of ids.
    assert (two.gold, two.grades, two.exclude, two.relevance) == (("b",), (), (), {"b": 1})
    assert (three.gold, three.relevance) == ((), {})


def test_a_map_of_parquet_holds_grades(tmp_path: Path) -> None:
    columns = {"id": ["1"], "input": ["x"], "outputs": [["y"]]}
    marks = pa.array([[("a", 1), ("b", 2)]], pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table({**columns, "gold": marks}), tmp_path / "pairs.parquet")
    assert load_examples(tmp_path / "pairs.parquet")[0].relevance == {"b": 2, "a": 1}
    twice = pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table({**columns, "gold": twice}), tmp_path / "twice.parquet")
    with pytest.raises(InputError, match=r"twice.parquet: a map names a key twice"):
        load_examples(tmp_path / "twice.parquet")


BAD_EXAMPLES = {
    '{"id": "1", "input": "x"}': r"1: no field 'outputs'",
    '{"id": "1", "input": "x", "reaction": ["y"]}': r"no field 'outputs' .*; it has id, input, reaction; name the colu",
    '{"id": "1", "input": "x", "outputs": []}': r"outputs: expected at least one text",
    '{"id": "1", "input": "x", "outputs": [""]}': r"outputs: expected a list of texts that are not empty",
    '{"id": "1", "input": "x", "outputs": ["y"], "gold": ["zz"]}': r"gold: expected ids of passages .* got 'zz'",
    '{"id": "1", "input": "x", "outputs": ["y"], "gold": {"zz": 1}}': r"gold: expected ids of passages .* got 'zz'",
    '{"id": "1", "input": "x", "outputs": ["y"], "gold": {"a": 1.5}}': r"gold: .* whole number .* of 'a', got 1.5",
    '{"id": "1", "input": "x", "outputs": ["y"], "gold": {"a": -1}}': r"gold: .* whole number from 0 up .* got -1",
    '{"id": "1", "input": "x", "outputs": ["y"], "gold": {"a": true}}': r"gold: .* whole number .* got True",
    '{"id": "1", "input": "x", "outputs": ["y"], "gold": {"a": "2"}}': r"gold: .* whole number .* got '2'",
    '{"id": "1", "input": "x", "outputs": ["y"], "exclude": ["zz"]}': r"exclude: expected ids of passages .* 'zz'",
    '{"id": "1", "input": "x", "outputs": ["y"], "exclude": 3.5}': r"exclude: expected a list of texts",
    '{"id": "1", "input": "x", "outputs": ["y"], "gold": ["a"], "exclude": ["a"]}': r"exclude: .* not gold, got 'a'",
    '{"id": "1", "input": "x", "outputs": ["y"], "history": [3]}': r"history: expected a list of \{role, text\}",
}


@pytest.mark.parametrize(("content", "message"), BAD_EXAMPLES.items())
def test_bad_examples_are_named_by_file_and_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "pairs.jsonl").write_text(content)
    with pytest.raises(InputError, match=message):
        load_examples(tmp_path / "pairs.jsonl", passage_ids={"a"})


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.jsonl: no such file"):
        load_passages(tmp_path / "none.jsonl")
    (tmp_path / "kb.pdf").write_text("")
    with pytest.raises(
        InputError, match=r"kb.pdf: expected a file ending in .jsonl, .json, .csv, .tsv, .xlsx, .parquet"
    ):
        load_passages(tmp_path / "kb.pdf")
    (tmp_path / "bad.jsonl").write_bytes(b'{"id": "a", "text": "x"}\n{"id": "b", "text": "\xff"}\n')
    with pytest.raises(InputError, match=r"bad.jsonl:2: expected UTF-8 text, found byte 0xff"):
        load_passages(tmp_path / "bad.jsonl")
    (tmp_path / "no.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"no.parquet: not a Parquet file"):
        load_passages(tmp_path / "no.parquet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[\n {"id": "a", "text": "x"},\n {"id": "b" "text"}]', r"kb.json:3: not valid JSON"),
        ('[\n {"id": "a", "text": "x"},\n\n {"id": "b"}]', r"kb.json:4: no field 'text'"),
        ('{"id": "a"}', r"kb.json:1: no field 'text'"),
        ('"text"', r"kb.json:1: expected a JSON list of objects"),
        ('[{"id": "a", "text": "x"} {"id": "b"}]', r"kb.json:1: not valid JSON"),
        ('[{"id": "a", "text": "x"}', r"kb.json:1: not valid JSON"),
    ],
)
def test_json_lists_name_the_line_of_an_object(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "kb.json").write_text(content)
    with pytest.raises(InputError, match=message):
        load_passages(tmp_path / "kb.json")


@pytest.mark.parametrize("name", ["kb.jsonl", "kb.json", "pairs.csv"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (r'"\ud83d"', r"half a character, \\ud83d, alone"),
        ("7" * 4301, r"an integer of more than 4,300 digits"),
        ("[" * 50_000, r"nested too deeply"),
    ],
    ids=["half", "digits", "deep"],
)
def test_json_that_cannot_be_held_is_named_by_file_and_line(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    quoted = value.replace('"', '""')
    content = {
        "kb.jsonl": f'{{"id": "a", "text": "x"}}\n{{"id": "b", "text": {value}}}',
        "kb.json": f'[{{"id": "a", "text": "x"}},\n{{"id": "b", "text": {value}}}]',
        "pairs.csv": f'id,input,outputs,gold\nb,x,y,"[{quoted}]"\n',
    }
    (tmp_path / name).write_text(content[name])
    with pytest.raises(InputError, match=rf"{name}:2: .*{message}"):
        load_examples(tmp_path / name) if name == "pairs.csv" else load_passages(tmp_path / name)


def test_csv_cells_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(
        '\ufeffid,input,outputs\n1,"who, and when?",Ada\n2,where?,"[""here"", ""there""]"\n', encoding="utf-8"
    )
    assert [e.outputs for e in load_examples(path)] == [("Ada",), ("here", "there")]
    path.write_text("id,input,outputs\n1,who?,Ada,more\n")
    with pytest.raises(InputError, match=r"pairs.csv:2: expected 3 columns"):
        load_examples(path)
    path.write_text("id,input,outputs\n1,who?,[Ada]\n")
    assert load_examples(path) == [Example("1", "who?", ("[Ada]",))]  # a text that begins with a bracket
    path.write_text('id,input,outputs,gold\n1,{x,{y},{"a"}\n')
    with pytest.raises(InputError, match=r"pairs.csv:2: gold: begins with \{ but is not a JSON object"):
        load_examples(path)
    path.write_text("id,input,outputs\n1,{x,{y}\n")  # any other text may begin with a brace
    assert load_examples(path) == [Example("1", "{x", ("{y}",))]


def test_limit_numbers_and_repeated_input(tmp_path: Path) -> None:
    rows = [
        {
            "id": 7,
            "input": "who?",
            "outputs": "Ada",
            "history": [{"role": "u", "text": "hi"}, {"role": "u", "text": "who?"}],
        },
        {"id": 8, "input": "b", "outputs": ["c"]},
    ]
    (example,) = load_examples(write(tmp_path / "pairs.jsonl", rows), limit=1)
    assert example == Example("7", "who?", ("Ada",), (), (Turn("u", "hi"),))


DIALOG = Example("1", "when?", history=(Turn("user", "who?"), Turn("system", "Ada"), Turn("user", "oh")))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (HistoryConfig(turns=3), "Ada\noh\nwhen?"),
        (HistoryConfig(turns=1), "when?"),
        (HistoryConfig(turns=0, separator=" | "), "who? | Ada | oh | when?"),
        (HistoryConfig(turns=2, turn="{role}: {text}", role="caller"), "user: oh\ncaller: when?"),
    ],
)
def test_history_is_rendered_by_its_template(config: HistoryConfig, expected: str) -> None:
    assert render(DIALOG, config) == expected


def test_question_without_history_is_left_alone() -> None:
    assert render(Example("1", "when?"), HistoryConfig(turn="{role}: {text}")) == "when?"


def test_bad_templates_are_refused() -> None:
    with pytest.raises(InputError, match=r"data.history.turn: expected a template holding \{text\}"):
        HistoryConfig(turn="{role}")
    with pytest.raises(InputError, match=r"data.history.turn: expected only"):
        HistoryConfig(turn="{text} {speaker}")
    with pytest.raises(InputError, match=r"data.history.turns"):
        HistoryConfig(turns=-1)


def test_the_null_passage_alone_may_be_empty(tmp_path: Path) -> None:
    path = write(tmp_path / "kb.jsonl", [{"id": "null", "text": ""}, {"id": "a", "title": "A", "text": "of a"}])
    null, other = load_passages(path)
    assert null == Passage("null", "", "")
    assert (null.null, other.null) == (True, False)
    (full,) = load_passages(write(tmp_path / "full.jsonl", [{"id": "null", "text": "the word null"}]))
    assert not full.null
    for record in ({"id": "b", "text": ""}, {"id": "null", "title": "T", "text": ""}):
        with pytest.raises(InputError, match="text: expected text that is not empty"):
            load_passages(write(tmp_path / "bad.jsonl", [record]))
