"""`jsarag data check`: every fault of a file at once, and figures that a plain count confirms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from jsarag.audit import Look, audit
from jsarag.audit.texts import doubled, everything, nowhere, shared
from jsarag.cli.main import main
from jsarag.data import Columns, load_examples, load_passages
from jsarag.kb import SAMPLE
from jsarag.metrics.attribution import attribution_scores
from jsarag.models import EncoderConfig, GeneratorConfig, PromptConfig, load_encoder
from jsarag.types import Example, InputError, Passage

SAMPLE_PASSAGES = load_passages(SAMPLE / "passages.jsonl")
SAMPLE_EXAMPLES = load_examples(SAMPLE / "dev.jsonl")[:60]
TEN: list[Any] = [
    {"id": "a", "input": "When do I get my deposit back?", "outputs": ["within ten days"]},
    {"id": "a", "input": "May my dog come?", "outputs": ["Pets are welcome"]},
    {"id": "c", "input": "", "outputs": ["yes"]},
    {"id": "d", "input": "No answers?", "outputs": []},
    {"id": "e", "input": "Bad gold", "outputs": ["x"], "gold": 5.5},
    {"id": "f", "input": "Bad history", "outputs": ["x"], "history": "hi"},
    {"id": "g", "outputs": ["no input"]},
    {"id": "h", "input": "A grade", "outputs": ["x"], "gold": {"p": -1}},
    {"id": "i", "input": ["a", "list"], "outputs": ["x"]},
    {"id": "j", "input": "When do I  get my deposit back?", "outputs": ["within ten days"]},
    {"id": "k", "input": "When do I get my deposit back?", "outputs": ["nan"]},
    [1, 2],
]
KB = "title,text\nDeposits,We return a deposit within ten days.\nPets,Pets are welcome.\nPets,Pets are welcome.\n"


@pytest.fixture
def ten(tmp_path: Path) -> list[str]:
    """A knowledge base, and a file with ten faults."""
    (tmp_path / "kb.csv").write_text(KB)
    lines = [json.dumps(row) for row in TEN] + ['{"id": "l", ']
    (tmp_path / "ten.jsonl").write_text("\n".join(lines) + "\n")
    return [str(tmp_path / "kb.csv"), str(tmp_path / "ten.jsonl")]


def test_ten_faults_are_told_at_once(ten: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", *ten, "--texts-only", "--json", str(tmp_path / "found.json")]) == 1
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    kb, pairs = found["files"]
    faults = [line for group in pairs["problems"] for line in group["places"]]
    assert sorted(map(int, faults)) == [2, 3, 4, 5, 6, 7, 8, 9, 12, 13]
    assert sum(group["count"] for group in pairs["problems"]) == 10
    assert pairs["items"] == 3
    assert "10 faults" in printed
    for group in pairs["problems"]:
        assert f"{group['count']} x {group['kind']}" in printed
    remarks = {group["kind"]: group["places"] for group in (*kb["remarks"], *pairs["remarks"])}
    assert remarks == {
        "text that stands twice": ["4 (first 3)"],
        "pair that stands twice": ["10 (first 1)"],
        "question that stands twice, with another answer": ["11 (first 1)"],
        "answer that is a word for nothing, such as nan": ["11"],
        "answer that stands word for word in no passage": ["11"],
    }


def test_a_file_without_faults_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log.csv").write_text("Question;Answer;Agent\nWhen?;Now;Kim\n")
    assert main(["data", "check", str(tmp_path / "log.csv"), "--texts-only"]) == 0
    printed = capsys.readouterr().out
    assert "read as questions and answers: 1 pair" in printed
    assert printed.count("Agent") == 1  # a column that is not read is told, once
    assert printed.endswith("no fault: training takes these files\n")


def test_a_file_that_cannot_be_read_keeps_none_of_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("question,answer\nWhen?,Now\n")
    found = audit([tmp_path / "none.csv", tmp_path / "log.csv"], models=False)
    assert [file.items for file in found.files] == [0, 1]
    assert "no such file" in found.files[0].problems[0].kind
    assert found.faults == 1


def test_a_named_column_that_no_file_has_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "kb.csv").write_text("id,text\n1,Now\n")
    (tmp_path / "log.csv").write_text("id,quesiton,answer\n1,When?,Now\n")
    files = [tmp_path / "kb.csv", tmp_path / "log.csv"]
    found = audit(files, columns=Columns(input="question"), models=False)
    assert [group.kind for file in found.files for group in file.problems] == [
        "data.columns: no file has a column 'question', so that none was read as pairs"
    ]
    assert audit(files, columns=Columns(input="quesiton"), models=False).faults == 0
    with pytest.raises(InputError, match=r"data.columns.input: no column 'question'.*; did you mean quesiton\?"):
        load_examples(files[1], columns=Columns(input="question"))


def test_questions_that_two_files_share_are_told(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("question,answer\nWhen?,Now\nWhy?,So\n")
    (tmp_path / "test.csv").write_text("question,answer\nwho?,Me\n WHY? ,Because\n")
    (group,) = audit([tmp_path / "train.csv", tmp_path / "test.csv"], models=False).across
    assert (group.count, group.places) == (1, (f"{tmp_path}/test.csv:3",))


def test_answers_that_stand_nowhere_are_those_of_the_metric() -> None:
    references = [example.outputs for example in SAMPLE_EXAMPLES]
    kb = SAMPLE_PASSAGES[:20]
    every = [kb] * len(references)
    scores = attribution_scores(["x"] * len(references), references, every)["reference_in_passages"]
    expected = [i for i, score in enumerate(scores) if not score]
    assert 0 < len(expected) < len(scores)
    assert nowhere(SAMPLE_EXAMPLES, everything(kb)) == expected


def test_texts_are_compared_without_case_and_punctuation() -> None:
    assert doubled(["May I?", "Why?", "may  i?", "MAY I "]) == [(2, 0), (3, 0)]
    assert doubled(["a b", "a", "A, b!"], ["c", "b c", "C"]) == [(2, 0)]
    assert shared(["a b"], ["c", "A  B", "ab"]) == [1]


def test_lengths_are_those_that_the_tokenizers_count(encoder_model: Path, causal_model: Path, tmp_path: Path) -> None:
    passages = SAMPLE_PASSAGES[:7]
    rows = [{"title": h.title, "text": h.text} for h in passages]
    (tmp_path / "kb.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pairs = [{"question": e.input, "answer": e.outputs[0]} for e in SAMPLE_EXAMPLES[:5]]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    prompt = PromptConfig(template="{passage} Q {input} A", passage="{text}", chat=False, max_length=90)
    generator = GeneratorConfig(str(causal_model), max_new_tokens=3, prompt=prompt)
    look = Look(EncoderConfig(str(encoder_model), max_length=20), generator)
    found = audit([tmp_path / "kb.jsonl", tmp_path / "pairs.jsonl"], look=look)
    kb, answers, prompts = found.lengths

    encoder = load_encoder(look.encoder)
    whole = [len(encoder.model.tokenizer(f"{h.title}. {h.text}")["input_ids"]) for h in passages]
    assert (kb.limit, kb.over, kb.longest) == (20, sum(n > 20 for n in whole), max(whole))

    tokenizer = AutoTokenizer.from_pretrained(str(causal_model))
    written = [len(tokenizer(f" {e.outputs[0]}", add_special_tokens=False).input_ids) + 1 for e in SAMPLE_EXAMPLES[:5]]
    assert (answers.over, answers.longest) == (sum(n > 3 for n in written), max(written))
    assert prompts.counted == 5

    for pair, example in zip(found.shown, SAMPLE_EXAMPLES, strict=False):
        assert pair.prompt_tokens + pair.answer_tokens <= 90
        assert str(tokenizer.decode(tokenizer(example.input).input_ids)) in pair.prompt
        assert any("writes at most 3 tokens" in note for note in pair.notes) == (pair.answer_tokens > 3)


def test_a_cut_passage_is_told_with_its_tokens(encoder_model: Path, causal_model: Path, tmp_path: Path) -> None:
    (tmp_path / "kb.jsonl").write_text(json.dumps({"text": "word " * 300}))
    (tmp_path / "pairs.jsonl").write_text(json.dumps({"question": "why?", "answer": "so"}))
    prompt = PromptConfig(template="{passage} Q {input} A", passage="{text}", chat=False, max_length=100)
    look = Look(EncoderConfig(str(encoder_model)), GeneratorConfig(str(causal_model), prompt=prompt))
    (pair,) = audit([tmp_path / "kb.jsonl", tmp_path / "pairs.jsonl"], look=look).shown
    whole = len(AutoTokenizer.from_pretrained(str(causal_model))("word " * 300).input_ids)
    cut = int(pair.notes[0].split()[0].replace(",", ""))
    assert whole - 100 < cut < whole
    assert "do not fit into the prompt" in pair.notes[0]


def test_words_of_answers_across_fields_do_not_count() -> None:
    kb = [Passage("p", "red", "fox"), Passage("q", "", "a foxglove")]
    asked = [Example("1", "?", ("red fox",)), Example("2", "?", ("Fox",)), Example("3", "?", ("glove",))]
    assert nowhere(asked, everything(kb)) == [0, 2]
