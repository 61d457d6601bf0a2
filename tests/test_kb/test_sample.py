"""The promises of the sample's README."""

import json
import re
from collections import Counter

import pytest

from jsarag.data import load_examples, load_passages
from jsarag.kb import SAMPLE

SPLITS = ("train", "dev", "test")


def plain(text):
    return re.sub(r"\W+", " ", text.lower()).strip()


@pytest.fixture(scope="module")
def passages():
    return {passage.id: passage for passage in load_passages(SAMPLE / "passages.jsonl")}


@pytest.fixture(scope="module")
def splits(passages):
    return {name: load_examples(SAMPLE / f"{name}.jsonl", passage_ids=passages) for name in SPLITS}


@pytest.fixture(scope="module")
def questions(splits):
    return [question for split in splits.values() for question in split]


def test_it_is_large_enough(passages, splits, questions):
    assert len(passages) >= 300
    assert len(questions) >= 1200
    assert len(splits["test"]) >= 200


def test_the_readme_counts_right(passages, splits):
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    counted = {name: int(n) for name, n in re.findall(r"`(\w+)\.jsonl` \| (\d+)", text)}
    assert counted == {"passages": len(passages), **{name: len(split) for name, split in splits.items()}}


def test_passages_are_sections_of_a_handbook(passages):
    assert not [p.id for p in passages.values() if not 42 <= len(p.text.split()) <= 80]
    assert max(Counter(p.title for p in passages.values()).values()) == 1
    assert max(Counter(plain(p.text) for p in passages.values()).values()) == 1


def test_no_question_is_asked_twice(questions):
    assert [q for q, n in Counter(plain(q.input) for q in questions).items() if n > 1] == []
    assert [i for i, n in Counter(q.id for q in questions).items() if n > 1] == []


def test_every_passage_has_its_questions_and_two_in_the_test(passages, splits, questions):
    assert all(len(q.gold) == 1 for q in questions)
    asked = Counter(q.gold[0] for q in questions)
    assert {i for i in passages if asked[i] < 5} == set()
    assert Counter(q.gold[0] for q in splits["test"]) == dict.fromkeys(passages, 2)


def test_answers_stand_in_the_passage_and_not_in_the_question(passages, questions):
    assert [q.id for q in questions if q.outputs[0] not in passages[q.gold[0]].text] == []
    assert [q.id for q in questions if f" {plain(q.outputs[0])} " in f" {plain(q.input)} "] == []


def test_first_answers_are_short_and_no_yes_or_no(questions):
    assert [q.id for q in questions if len(q.outputs[0].split()) > 8] == []
    assert [q.id for q in questions if plain(q.outputs[0]) in {"yes", "no", "true", "false"}] == []


def test_records_have_the_documented_fields_alone():
    for name, fields in {
        "passages": {"id", "title", "text"},
        **{s: {"id", "input", "outputs", "gold"} for s in SPLITS},
    }.items():
        for line in (SAMPLE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            assert set(json.loads(line)) == fields
