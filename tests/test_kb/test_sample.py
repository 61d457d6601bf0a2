"""The promises of the sample's README."""

import json
import re
from collections import Counter

import pytest

from jsarag.data import load_examples, load_passages
from jsarag.kb import SAMPLE
from jsarag.types import Example, Passage

Passages = dict[str, Passage]
Splits = dict[str, list[Example]]

SPLITS = ("train", "dev", "test")


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


@pytest.fixture(scope="module")
def passages() -> Passages:
    return {passage.id: passage for passage in load_passages(SAMPLE / "passages.jsonl")}


@pytest.fixture(scope="module")
def splits(passages: Passages) -> Splits:
    return {name: load_examples(SAMPLE / f"{name}.jsonl", passage_ids=passages) for name in SPLITS}


@pytest.fixture(scope="module")
def questions(splits: Splits) -> list[Example]:
    return [question for split in splits.values() for question in split]


def test_it_is_large_enough(passages: Passages, splits: Splits, questions: list[Example]) -> None:
    assert len(passages) >= 300
    assert len(questions) >= 1200
    assert len(splits["test"]) >= 200


def test_the_readme_counts_right(passages: Passages, splits: Splits) -> None:
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    counted = {name: int(n) for name, n in re.findall(r"`(\w+)\.jsonl` \| (\d+)", text)}
    assert counted == {"passages": len(passages), **{name: len(split) for name, split in splits.items()}}


def test_passages_are_sections_of_a_handbook(passages: Passages) -> None:
    assert not [p.id for p in passages.values() if not 42 <= len(p.text.split()) <= 80]
    assert max(Counter(p.title for p in passages.values()).values()) == 1
    assert max(Counter(plain(p.text) for p in passages.values()).values()) == 1


def test_no_question_is_asked_twice(questions: list[Example]) -> None:
    assert [q for q, n in Counter(plain(q.input) for q in questions).items() if n > 1] == []
    assert [i for i, n in Counter(q.id for q in questions).items() if n > 1] == []


def test_every_passage_has_its_questions_and_two_in_the_test(
    passages: Passages, splits: Splits, questions: list[Example]
) -> None:
    assert all(len(q.gold) == 1 for q in questions)
    asked = Counter(q.gold[0] for q in questions)
    assert {i for i in passages if asked[i] < 5} == set()
    assert Counter(q.gold[0] for q in splits["test"]) == dict.fromkeys(passages, 2)


def test_answers_stand_in_the_passage_and_not_in_the_question(passages: Passages, questions: list[Example]) -> None:
    assert [q.id for q in questions if q.outputs[0] not in passages[q.gold[0]].text] == []
    assert [q.id for q in questions if f" {plain(q.outputs[0])} " in f" {plain(q.input)} "] == []


def test_first_answers_are_short_and_no_yes_or_no(questions: list[Example]) -> None:
    assert [q.id for q in questions if len(q.outputs[0].split()) > 8] == []
    assert [q.id for q in questions if plain(q.outputs[0]) in {"yes", "no", "true", "false"}] == []


def test_records_have_the_documented_fields_alone() -> None:
    for name, fields in {
        "passages": {"id", "title", "text"},
        **{s: {"id", "input", "outputs", "gold"} for s in SPLITS},
    }.items():
        for line in (SAMPLE / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            assert set(json.loads(line)) == fields
