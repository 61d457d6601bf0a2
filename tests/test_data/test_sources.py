"""Published data sets: small files in each published format against records converted by hand."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jsarag.data import load_examples, load_passages
from jsarag.data.sources import SOURCES, Options, Source, check, convert
from jsarag.display import Silent
from jsarag.files import read_json
from jsarag.types import Example, InputError, Passage, Turn

DATA = Path(__file__).parents[1] / "data"

WIKIPEDIA = [
    Passage("1", "Orle Light", 'The lamp of Orle was first lit in 1871, and a "second light" followed.'),
    Passage("2", "Orle Light", "The keeper of Orle lived on the rock with two goats."),
    Passage("3", '"The Heron"', 'Tamsin Vey, called "the Heron", rowed to Orle in 1902.'),
    Passage("4", "Merrow", "Salt cod was the trade of Merrow."),
]
SOAK = (Turn("user", "How long must it soak?"), Turn("system", "a day"))
IN_MILK = (Turn("user", "In milk?"), Turn("system", "CANNOTANSWER"))
CURDLE = (Turn("user", "Why does it curdle?"), Turn("system", "CANNOTANSWER"))
LIT = (Turn("user", "When was Orle lit?"), Turn("system", "in 1871"))
PUT_OUT = (Turn("user", "And put out?"), Turn("system", "CANNOTANSWER"))
BED = (Turn("user", "I need a bed."), Turn("system", "There is the Keeper's Inn."))

EXPECTED: dict[str, tuple[list[Passage], dict[str, list[Example]]]] = {
    "nq": (
        WIKIPEDIA,
        {
            "train": [
                # Passage 3 only holds words of the answer: its score is not that of a person's mark.
                Example("train/0", "when was the lamp of orle lit", ("1871", "in 1871"), ("1",)),
                Example("train/1", "who rowed to orle", ("Tamsin Vey", 'the Heron\'s "own" hand')),
            ],
            "dev": [Example("dev/0", "what did merrow trade", ("salt cod",))],
            "test": [Example("test/0", "how many goats lived on orle", ("two", "2"))],
        },
    ),
    "nq-open": (
        WIKIPEDIA,
        {
            "train": [
                Example("train/0", "when was the lamp of orle lit", ("1871",)),
                Example("train/1", "who rowed to orle", ("Tamsin Vey", "Vey")),
            ],
            "dev": [Example("dev/0", "what did merrow trade", ("salt cod", "cod"))],
        },
    ),
    "triviaqa": (
        WIKIPEDIA,
        {
            "train": [
                Example("or_1", "Who rowed to Orle in 1902?", ("Tamsin Vey", "The Heron")),
                Example("or_2", "Which fish did Merrow trade?", ("Cod", "Salt cod")),
            ],
            "dev": [Example("or_3", "How many goats lived on Orle?", ("Two", "2"))],
        },
    ),
    "triviaqa-dpr": (
        WIKIPEDIA,
        {
            "train": [Example("train/0", "Who rowed to Orle in 1902?", ("Tamsin Vey", "The Heron"))],
            "dev": [Example("dev/0", "Which fish did Merrow trade?", ("Cod",))],
            "test": [Example("test/0", "How many goats lived on Orle?", ("Two", "2"))],
        },
    ),
    "msmarco": (
        [
            # Quotes are text here: these files are not CSV.
            Passage("0", "", "The lamp of Orle burns whale oil."),
            Passage("1", "", '"Two goats" graze on Orle, says "the Heron"'),
            Passage("2", "", '"Cod is salted for a week."'),
        ],
        {
            # 1002 has no answer, 1003 is not in the QA files.
            "train": [Example("1001", "what does orle burn", ("Whale oil",), ("0", "1"))],
            "dev": [Example("2001", "how long is cod salted", ("A week", "seven days"), ("2",))],
        },
    ),
    "squad": (
        [
            Passage(
                "Orle_Light/0/0",
                "Orle Light",
                "The lamp of Orle was first lit in 1871. Its keeper lived on the rock with two goats.",
            ),
            Passage("Merrow/0/0", "Merrow", "Merrow traded salt cod."),
        ],
        {
            "train": [
                Example("a1", "When was it lit?", ("1871",), ("Orle_Light/0/0",)),
                Example("a2", "Who lived there?", ("Its keeper", "keeper"), ("Orle_Light/0/0",)),
            ],
            "dev": [Example("b1", "What was traded?", ("salt cod", "cod"), ("Merrow/0/0",))],
        },
    ),
    "squad2": (
        [
            Passage(
                "Orle_Light/0/0",
                "Orle Light",
                "The lamp of Orle was first lit in 1871. Its keeper lived on the rock with two goats.",
            ),
            Passage("Merrow/0/0", "Merrow", "Merrow traded salt cod."),
        ],
        {
            "train": [Example("a1", "When was it lit?", ("1871",), ("Orle_Light/0/0",))],
            "dev": [Example("b1", "What was traded?", ("salt cod", "cod"), ("Merrow/0/0",))],
        },
    ),
    "orquac": (
        [
            Passage("10@0", "Orle Light", "The lamp of Orle was first lit in 1871.\nIt burns oil."),
            Passage("10@1", "Orle Light", "Two goats graze on Orle."),
            Passage("11@0", "Merrow", "Merrow trades cod."),
        ],
        {
            "train": [
                Example("C_1#0", "When was Orle lit?", ("in 1871",), ("10@0",)),
                Example("C_1#2", "Who grazes there?", ("Two goats",), ("10@1",), LIT + PUT_OUT),
            ],
            "dev": [Example("C_2#0", "What does Merrow trade?", ("cod",), ("11@0",))],
            "test": [Example("C_3#0", "What grazes on Orle?", ("goats",), ("10@1", "11@0"))],
        },
    ),
    "doqa": (
        [
            Passage("doqa/0", "", "Soak the cod for a day, and change the water twice."),
            Passage("doqa/1", "", "Goat milk curdles fast; warm it slowly."),
        ],
        {
            "train": [
                Example("doqa/train/0", "How long must it soak?", ("a day",), ("doqa/0",)),
                Example(
                    "doqa/train/2",
                    "Do I change the water?",
                    ("change the water twice",),
                    ("doqa/0",),
                    SOAK + IN_MILK,
                ),
            ],
            "dev": [Example("doqa/dev/1", "How do I warm it?", ("warm it slowly",), ("doqa/1",), CURDLE)],
            # The post was met in train: the same passage.
            "test": [Example("doqa/test/0", "How often do I change the water?", ("twice",), ("doqa/0",))],
        },
    ),
    "doqa-travel": (
        [Passage("doqa-travel/0", "", "Goat milk curdles fast; warm it slowly.")],
        {"test": [Example("doqa-travel/test/0", "How should I warm it?", ("slowly",), ("doqa-travel/0",))]},
    ),
    "dstc11": (
        [
            Passage("hotel/7/review/0/0", "Keeper's Inn", "The beds creak."),
            Passage("hotel/7/review/0/1", "Keeper's Inn", "The view is grand."),
            Passage("hotel/7/faq/3", "Keeper's Inn", "Is there parking? Only for boats."),
            Passage("restaurant/12/review/5/0", "The Salt-Cod", "Best cod in Merrow."),
        ],
        {
            "train": [
                Example("train/1", "Is it quiet?", ("The beds creak.",), ("hotel/7/review/0/0", "hotel/7/faq/3"), BED)
            ],
            "dev": [Example("val/0", "Is the cod good?", ("The best in Merrow.",), ("restaurant/12/review/5/0",))],
            "test": [Example("test/0", "Can I park?", ("Boats only.",), ("hotel/7/faq/3",))],
        },
    ),
    "dstc9": (
        [
            Passage("hotel/7/doc/0", "Keeper's Inn", "Is there parking? Only for boats."),
            Passage("train/*/doc/2", "Train", "Are there trains? Not to an island."),
        ],
        {
            "train": [Example("train/0", "Can I park?", ("Boats only.",), ("hotel/7/doc/0",))],
            "dev": [Example("val/0", "Is there a train?", ("No train goes to an island.",), ("train/*/doc/2",))],
        },
    ),
    "beir": (
        [
            Passage("d1", "Orle Light", "The lamp of Orle was first lit in 1871."),
            Passage("d2", "Merrow", "Merrow"),
            Passage("d4", "", "Two goats graze on Orle."),
        ],
        {
            "train": [Example("q1", "orle lamp", ("The lamp of Orle was first lit in 1871.",), ("d1",))],
            "test": [Example("q2", "goats and merrow", ("Two goats graze on Orle.",), ("d4", "d2"), grades=(2, 1))],
        },
    ),
}


def converted(source: Source, folder: Path, out: Path, **how: Any) -> dict[str, Any]:
    wanted = how.pop("splits", None)
    options = {name: how.pop(name) for name in ("unanswerable", "block_words") if name in how}
    splits = source.chosen(lambda file: file.find(folder) is not None, wanted)
    return convert(source, folder, out, Options(splits, **options), Silent(), unverified=True, **how)


def copied(name: str, tmp_path: Path) -> Path:
    """The fixture of a data set, to be changed."""
    return Path(shutil.copytree(DATA / name, tmp_path / "files"))


@pytest.mark.parametrize("name", EXPECTED)
def test_published_files_become_these_records(name: str, tmp_path: Path) -> None:
    passages, splits = EXPECTED[name]
    out = tmp_path / "out"
    manifest = converted(SOURCES[name], DATA / name, out)
    assert load_passages(out / "passages.jsonl") == passages
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["manifest.json", "passages.jsonl", *(f"{split}.jsonl" for split in splits)]
    )
    for split, examples in splits.items():
        assert load_examples(out / f"{split}.jsonl", passage_ids={p.id for p in passages}) == examples
        assert manifest["written"][f"{split}.jsonl"]["records"] == len(examples)
    assert check(SOURCES[name], out, DATA / name) == manifest


@pytest.mark.parametrize("name", ["msmarco-qa", "msmarco-qa-v1"])
def test_passages_of_the_qa_files_are_one_a_text(name: str, tmp_path: Path) -> None:
    converted(SOURCES[name], DATA / name, tmp_path / "out")
    passages = {p.text: p.id for p in load_passages(tmp_path / "out/passages.jsonl")}
    lamp, goats, cod = "The lamp of Orle burns whale oil.", "Two goats graze on Orle.", "Cod is salted for a week."
    assert set(passages) == {lamp, goats, cod}
    (train,) = load_examples(tmp_path / "out/train.jsonl")
    assert (train.input, train.outputs, train.gold) == ("what does orle burn", ("Whale oil",), (passages[lamp],))
    (dev,) = load_examples(tmp_path / "out/dev.jsonl")
    assert (dev.outputs[0], dev.gold) == ("A week", (passages[cod],))


def test_every_source_has_a_test_of_its_format() -> None:
    other_forums = {"doqa-movies"}  # the same adapter as doqa-travel
    assert set(EXPECTED) | {"msmarco-qa", "msmarco-qa-v1"} | other_forums == set(SOURCES)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("doqa", ["doqa/train/0", "doqa/train/1", "doqa/train/2"]),
        ("orquac", ["C_1#0", "C_1#1", "C_1#2"]),
        ("squad2", ["a1", "a3"]),
        ("msmarco", ["1001", "1002"]),
        ("msmarco-qa", ["1001", "1002"]),
    ],
)
def test_questions_without_an_answer_can_be_kept(name: str, ids: list[str], tmp_path: Path) -> None:
    converted(SOURCES[name], DATA / name, tmp_path / "out", unanswerable="keep")
    examples = {e.id: e for e in load_examples(tmp_path / "out/train.jsonl")}
    assert list(examples) == ids
    assert [e.outputs == ("CANNOTANSWER",) for e in examples.values()].count(True) == 1
    assert examples[ids[1]].outputs == ("CANNOTANSWER",)


@pytest.mark.parametrize("name", ["doqa", "orquac", "squad2", "msmarco", "msmarco-qa"])
def test_no_passage_may_be_what_helps_questions_without_an_answer(name: str, tmp_path: Path) -> None:
    converted(SOURCES[name], DATA / name, tmp_path / "keep", unanswerable="keep")
    manifest = converted(SOURCES[name], DATA / name, tmp_path / "null", unanswerable="null", passages_limit=1)
    passages = load_passages(tmp_path / "null/passages.jsonl")
    assert [p.null for p in passages] == [False] * (len(passages) - 1) + [True]
    assert manifest["options"]["unanswerable"] == "null"
    ids = {p.id for p in passages}
    kept, found = (load_examples(tmp_path / how / "train.jsonl", passage_ids=None) for how in ("keep", "null"))
    assert len(kept) == len(found)
    for before, after in zip(kept, found, strict=True):
        helpless = before.outputs == ("CANNOTANSWER",)
        assert after == (replace(before, gold=("null",)) if helpless else before)
        assert ids.issuperset(after.gold)


def test_blocks_cut_long_paragraphs_and_gold_follows_the_answer(tmp_path: Path) -> None:
    # "The lamp of Orle was first | lit in 1871. Its keeper lived | on the rock with two goats."
    converted(SOURCES["squad"], DATA / "squad", tmp_path / "out", block_words=6, splits=("train",))
    texts = [p.text for p in load_passages(tmp_path / "out/passages.jsonl")]
    assert texts == ["The lamp of Orle was first", "lit in 1871. Its keeper lived", "on the rock with two goats."]
    when, who = load_examples(tmp_path / "out/train.jsonl")
    assert when.gold == who.gold == ("Orle_Light/0/1",)
    converted(SOURCES["squad"], DATA / "squad", tmp_path / "out", block_words=5, splits=("train",))
    # "... lit in 1871. Its | keeper lived ...": the answer "Its keeper" lies in two blocks.
    when, who = load_examples(tmp_path / "out/train.jsonl")
    assert (when.gold, who.gold) == (("Orle_Light/0/1",), ("Orle_Light/0/1", "Orle_Light/0/2"))


def test_limit_keeps_the_first_passages_and_the_gold_ones(tmp_path: Path) -> None:
    converted(SOURCES["orquac"], DATA / "orquac", tmp_path / "out", passages_limit=1, splits=("dev",))
    assert [p.id for p in load_passages(tmp_path / "out/passages.jsonl")] == ["10@0", "11@0"]
    (example,) = load_examples(tmp_path / "out/dev.jsonl", passage_ids={"10@0", "11@0"})
    assert example.gold == ("11@0",)


def test_a_query_among_the_passages_is_no_answer_to_itself(tmp_path: Path) -> None:
    """As in ArguAna and Quora. An id that is judged to be relevant is an answer, though it is the query's."""
    files = tmp_path / "files"
    (files / "qrels").mkdir(parents=True)
    lines = [{"_id": name, "title": "", "text": f"text of {name}"} for name in ("1", "2", "3")]
    for name in ("corpus", "queries"):
        (files / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    marks = "query-id\tcorpus-id\tscore\n1\t2\t1\n1\t1\t0\n2\t2\t2\n2\t3\t1\n3\t1\t1\n"
    (files / "qrels/test.tsv").write_text(marks)
    converted(SOURCES["beir"], files, tmp_path / "out")
    one, two, three = load_examples(tmp_path / "out/test.jsonl", passage_ids={"1", "2", "3"})
    assert [(e.gold, e.exclude) for e in (one, two, three)] == [(("2",), ("1",)), (("2", "3"), ()), (("1",), ("3",))]
    # The third passage, no gold of these queries, is left out of the knowledge base and so need not be excluded.
    (files / "qrels/test.tsv").write_text(marks.replace("2\t3\t1\n", ""))
    converted(SOURCES["beir"], files, tmp_path / "out", passages_limit=1)
    ids = {p.id for p in load_passages(tmp_path / "out/passages.jsonl")}
    assert ids == {"1", "2"}
    assert load_examples(tmp_path / "out/test.jsonl", passage_ids=ids)[2].exclude == ()


def test_grades_of_gold_that_is_no_passage_go_with_it(tmp_path: Path) -> None:
    files = copied("beir", tmp_path)
    (files / "qrels/train.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t3\nq1\td9\t2\nq1\td4\t1\n")
    converted(SOURCES["beir"], files, tmp_path / "out")
    (example,) = load_examples(tmp_path / "out/train.jsonl", passage_ids={"d1", "d4"})
    assert (example.gold, example.grades) == (("d1", "d4"), (3, 1))


def test_relevance_of_orquac_is_a_number(tmp_path: Path) -> None:
    files = copied("orquac", tmp_path)
    marks = json.loads((files / "qrels.txt").read_text())
    marks["C_2#0"] = {"10@0": 0, "11@0": 2, "10@1": 1}
    (files / "qrels.txt").write_text(json.dumps(marks))
    converted(SOURCES["orquac"], files, tmp_path / "out", splits=("dev",))
    assert load_examples(tmp_path / "out/dev.jsonl")[0].relevance == {"11@0": 2, "10@1": 1}
    (files / "qrels.txt").write_text('{"C_2#0": {"10@0": "0"}}')
    with pytest.raises(InputError, match=r"qrels.txt:1: expected a whole number, got '0'"):
        converted(SOURCES["orquac"], files, tmp_path / "out", splits=("dev",))


def test_gold_that_is_no_passage_is_left_out_and_counted(tmp_path: Path) -> None:
    files = copied("orquac", tmp_path)
    (files / "qrels.txt").write_text('{"C_2#0": {"11@0": 1, "99@9": 1}, "C_3#0": {"98@0": 1}}')
    manifest = converted(SOURCES["orquac"], files, tmp_path / "out", splits=("dev", "test"))
    assert [e.gold for e in load_examples(tmp_path / "out/dev.jsonl")] == [("11@0",)]
    assert manifest["left_out"] == {"gold passages that are not among the passages": 2}
    assert [manifest["written"][f"{split}.jsonl"]["with_gold"] for split in ("dev", "test")] == [1, 0]


def test_hold_out_makes_dev_of_train_and_test_of_dev(tmp_path: Path) -> None:
    converted(SOURCES["nq-open"], DATA / "nq-open", tmp_path / "out", hold_out=1)
    ids = {s: [e.id for e in load_examples(tmp_path / f"out/{s}.jsonl")] for s in ("train", "dev", "test")}
    assert ids == {"train": ["train/0"], "dev": ["train/1"], "test": ["dev/0"]}
    for name, count, splits, message in (
        ("nq", 1, None, r"--hold-out: expected none with nq, which publishes a test split, got 1"),
        ("nq-open", 2, None, r"--hold-out: expected fewer than the 2 training examples, got 2"),
        ("nq-open", 1, ("dev",), r"--hold-out: expected the splits train and dev, got .*'dev'"),
    ):
        with pytest.raises(InputError, match=message):
            converted(SOURCES[name], DATA / name, tmp_path / "other", hold_out=count, splits=splits)
    assert not (tmp_path / "other").exists()


def test_gzipped_files_are_the_same(tmp_path: Path) -> None:
    files = copied("dstc11", tmp_path)
    for path in files.rglob("*.json"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    converted(SOURCES["dstc11"], files, tmp_path / "gzipped")
    converted(SOURCES["dstc11"], DATA / "dstc11", tmp_path / "plain")
    for name in ("passages.jsonl", "train.jsonl", "dev.jsonl", "test.jsonl"):
        assert (tmp_path / "gzipped" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_unpublished_files_are_refused_where_the_sum_is_known(tmp_path: Path) -> None:
    source = SOURCES["squad"]
    with pytest.raises(InputError, match=r"train-v1.1.json: expected the published sha256 3527663.*--unverified"):
        convert(source, DATA / "squad", tmp_path / "out", Options(("train",)), Silent())
    assert not (tmp_path / "out").exists()
    manifest = converted(source, DATA / "squad", tmp_path / "out", splits=("train",))
    assert manifest["read"]["train-v1.1.json"]["as_published"] is False


def published(name: str, sums: dict[str, str], lines: dict[str, int] | None = None) -> Source:
    """SQuAD, with this known of one of its files."""
    squad = SOURCES["squad"]
    files = (replace(f, sums=sums, lines=lines or {}) if f.name == name else f for f in squad.files)
    return replace(squad, files=tuple(files))


def test_a_published_file_that_was_packed_since_is_compared_unpacked(tmp_path: Path) -> None:
    files, out = copied("squad", tmp_path), tmp_path / "out"
    name, content = "train-v1.1.json", (files / "train-v1.1.json").read_bytes()
    source = published(name, sums={name: f"md5:{hashlib.md5(content).hexdigest()}"})
    (files / f"{name}.gz").write_bytes(gzip.compress(content))
    (files / name).unlink()
    manifest = convert(source, files, out, Options(("train",)), Silent())
    facts = manifest["read"][f"{name}.gz"]
    assert facts["as_published"] is True
    assert facts["sha256"] == hashlib.sha256((files / f"{name}.gz").read_bytes()).hexdigest()
    assert check(source, out, files) == manifest

    (files / f"{name}.gz").write_bytes(gzip.compress(content + b" "))
    with pytest.raises(
        InputError, match=r"train-v1.1.json.gz: expected the published md5 \w+, found md5 \w+; download"
    ):
        convert(source, files, out, Options(("train",)), Silent())
    manifest = convert(source, files, out, Options(("train",)), Silent(), unverified=True)
    assert manifest["read"][f"{name}.gz"]["as_published"] is False
    (files / f"{name}.gz").write_bytes(gzip.compress(content)[:-12])
    with pytest.raises(InputError, match=r"train-v1.1.json.gz: not a whole gzip file; download it again"):
        convert(source, files, out, Options(("train",)), Silent())


def test_a_file_that_was_unpacked_since_is_said_to_be_unchecked_and_its_lines_are_counted(tmp_path: Path) -> None:
    files, out = copied("squad", tmp_path), tmp_path / "out"
    name, content = "train-v1.1.json", (files / "train-v1.1.json").read_bytes()
    packed, lines = gzip.compress(content), content.count(b"\n") + (not content.endswith(b"\n"))
    sums = {f"{name}.gz": f"md5:{hashlib.md5(packed).hexdigest()}"}
    source = published(name, sums=sums, lines={name: lines})
    unchecked = {"unchecked": "the published checksum is that of train-v1.1.json.gz"}
    facts = convert(source, files, out, Options(("train",)), Silent())["read"][name]
    assert facts.items() >= (unchecked | {"lines": lines, "lines_as_published": True}).items()
    assert "as_published" not in facts
    facts = convert(published(name, sums=sums), files, out, Options(("train",)), Silent())["read"][name]
    assert facts.items() >= unchecked.items()
    assert "lines" not in facts

    (files / name).write_bytes(content + b"\n\n")
    with pytest.raises(InputError, match=rf"{name}: expected the published \d+ lines, found \d+ lines; .*--unverified"):
        convert(source, files, out, Options(("train",)), Silent())
    facts = convert(source, files, out, Options(("train",)), Silent(), unverified=True)["read"][name]
    assert facts["lines_as_published"] is False
    (files / f"{name}.gz").write_bytes(packed)
    (files / name).unlink()
    facts = convert(source, files, out, Options(("train",)), Silent())["read"][f"{name}.gz"]
    assert facts["as_published"] is True
    assert facts.keys() == {"bytes", "sha256", "as_published"}


def test_lines_are_counted_where_no_checksum_is_known_packed_or_not(tmp_path: Path) -> None:
    source = SOURCES["triviaqa-dpr"]
    questions = replace(source, files=source.files[1:], passages=lambda files, options: iter(WIKIPEDIA))
    with pytest.raises(InputError, match=r"trivia-train.qa.csv.gz: expected the published 78,785 lines, found 1 lines"):
        convert(questions, DATA / source.name, tmp_path / "out", Options(("train",)), Silent())
    with pytest.raises(InputError, match=r"psgs_w100.tsv: expected the published 21,015,325 lines, found 5 lines"):
        convert(source, DATA / source.name, tmp_path / "out", Options(("train",)), Silent())
    manifest = converted(source, DATA / source.name, tmp_path / "out")
    read = manifest["read"]
    assert [read[f"trivia-{name}"]["lines"] for name in ("train.qa.csv.gz", "dev.qa.csv", "test.qa.csv")] == [1, 1, 1]


def test_every_number_of_lines_is_one_that_the_size_states() -> None:
    for source in SOURCES.values():
        for file in source.files:
            for name, lines in file.lines.items():
                records = lines - 1 if name == "psgs_w100.tsv" else lines  # all but its header
                assert f"{records:,}" in source.size, (source.name, name)


BAD: dict[str, tuple[str, str, str, str]] = {
    # set, file, what it holds, message
    "half": ("nq-open", "NQ-open.train.jsonl", '\n{"question": "\\ud83d"}', r"jsonl:2: not valid JSON \(half a"),
    "half member": (
        "triviaqa",
        "triviaqa-unfiltered/unfiltered-web-dev.json",
        '{"Data": [\n"\\ud83d"]}',
        r"json:2: .*half a",
    ),
    "half answer": ("nq", "nq-train.qa.csv", "a\t['\\ud83d']\n", r"nq-train.qa.csv:1: expected a list of answers"),
    "digits": ("nq-open", "NQ-open.dev.jsonl", "1" * 5000, r"NQ-open.dev.jsonl:1: .*more than 4,300 digits"),
    "deep": ("nq-open", "NQ-open.dev.jsonl", "[" * 50_000, r"NQ-open.dev.jsonl:1: .*nested too deeply"),
    "deep member": (
        "doqa",
        "doqa_dataset/doqa-cooking-dev-v2.1.json",
        "[\n" + "[" * 50_000,
        r"json:2: .*nested too deep",
    ),
    "columns": ("nq", "nq-train.qa.csv", "who rowed\n", r"nq-train.qa.csv:1: expected 2 columns .* found 1"),
    "call": ("nq", "nq-train.qa.csv", "a\t['b']\nc\tprint(1)\n", r"nq-train.qa.csv:2: expected a list of answers"),
    "list": ("nq", "nq-train.qa.csv", "a\t[1]\n", r"nq-train.qa.csv:1: expected a list of answers"),
    "gold": ("nq", "biencoder-nq-train.json", '[\n{"question": "a"}]', r"train.json:2: no field 'positive_ctxs'"),
    "passages": ("nq-open", "psgs_w100.tsv", "id\ttext\ttitle\n1\tx\n", r"psgs_w100.tsv:2: expected 3 columns"),
    "jsonl": ("nq-open", "NQ-open.train.jsonl", '{"question": "a"\n', r"NQ-open.train.jsonl:1: not valid JSON"),
    "field": (
        "nq-open",
        "NQ-open.train.jsonl",
        '\n{"answer": ["a"]}\n',
        r"jsonl:2: no field 'question'; it has answer",
    ),
    "answers": ("nq-open", "NQ-open.train.jsonl", '{"question": "a", "answer": "b"}', r"1: answer: expected a list"),
    "none": ("nq-open", "NQ-open.train.jsonl", "\n", r"nq-open, train: no question with an answer"),
    "trivia": (
        "triviaqa",
        "triviaqa-unfiltered/unfiltered-web-train.json",
        '{"Data": [\n{"QuestionId": "a", "Question": "b"}]}',
        r"train.json:2: no field 'Answer'; it has QuestionId, Question",
    ),
    "nothing": ("triviaqa", "triviaqa-unfiltered/unfiltered-web-dev.json", "{}", r"expected a list 'Data' in it"),
    "row": (
        "msmarco-qa",
        "train_v2.1.json",
        '{"query": {"0": "a"}, "answers": {"0": ["b"]}}',
        r"row '0' has no query_id",
    ),
    "relevance": ("msmarco", "qrels.train.tsv", "1001\t0\t0\tyes\n", r"qrels.train.tsv:1: expected relevance 0 or 1"),
    "offset": (
        "squad",
        "train-v1.1.json",
        '{"data": [{"title": "a", "paragraphs": [{"context": "b", "qas": [\n'
        '{"id": "1", "question": "c", "answers": [{"text": "b", "answer_start": "0"}]}]}]}]}',
        r"train-v1.1.json:1: paragraphs\[0\]: qas\[0\]: answers\[0\]: answer_start: expected a number",
    ),
    "cut": ("squad", "train-v1.1.json", '{"data": [\n{"title": "a"', r"train-v1.1.json:2: not valid JSON"),
    "twice": (
        "orquac",
        "preprocessed/dev.txt",
        '{"qid": "a", "question": "q", "history": [], "answer": {"text": "b"}}\n' * 2,
        r"orquac, dev: id 'a' is there twice",
    ),
    "speaker": (
        "dstc11",
        "data/test/logs.json",
        '[[\n{"speaker": "X", "text": "a"}]]',
        r"logs.json:1.*expected U or S",
    ),
    "lengths": (
        "dstc11",
        "data/test/labels.json",
        '[{"target": false}, {"target": true}]',
        r"logs.json: expected as many",
    ),
    "score": ("beir", "qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\thigh\n", r"test.tsv:2: expected a whole"),
    "empty": (
        "doqa",
        "doqa_dataset/doqa-cooking-dev-v2.1.json",
        "",
        r"dev-v2.1.json: expected a file that is not empty",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_give_one_line_with_file_and_line(case: str, tmp_path: Path) -> None:
    name, file, content, message = BAD[case]
    files = copied(name, tmp_path)
    (files / file).write_text(content)
    with pytest.raises(InputError, match=message) as raised:
        converted(SOURCES[name], files, tmp_path / "out")
    assert "\n" not in str(raised.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files"]


def test_bytes_that_are_no_text_and_gzip_that_is_cut(tmp_path: Path) -> None:
    files = copied("nq-open", tmp_path)
    (files / "NQ-open.dev.jsonl").write_bytes(b'{"question": "a", "answer": ["b"]}\n\xff\n')
    with pytest.raises(InputError, match=r"NQ-open.dev.jsonl:2: expected UTF-8 text, found byte 0xff"):
        converted(SOURCES["nq-open"], files, tmp_path / "out")
    packed = gzip.compress((DATA / "orquac/qrels.txt").read_bytes())
    other = Path(shutil.copytree(DATA / "orquac", tmp_path / "orquac"))
    (other / "qrels.txt").unlink()
    (other / "qrels.txt.gz").write_bytes(packed[:-12])
    with pytest.raises(InputError, match=r"qrels.txt.gz: not a whole gzip file; download it again"):
        converted(SOURCES["orquac"], other, tmp_path / "out")
    bad = copied_text(
        DATA / "dstc9", tmp_path / "dstc9", "data/val/logs.json", b'[[\n{"speaker": "U", "text": "\xe9"}]]'
    )
    with pytest.raises(InputError, match=r"logs.json:2: expected UTF-8 text, found byte 0xe9"):
        converted(SOURCES["dstc9"], bad, tmp_path / "out")


def copied_text(source: Path, target: Path, file: str, content: bytes) -> Path:
    shutil.copytree(source, target)
    (target / file).write_bytes(content)
    return target


def test_missing_files_are_named_with_their_address(tmp_path: Path) -> None:
    files = copied("nq", tmp_path)
    (files / "nq-dev.qa.csv").unlink()
    with pytest.raises(InputError, match=r"files: missing nq-dev.qa.csv from https://dl.fbaipublicfiles.com/dpr/"):
        converted(SOURCES["nq"], files, tmp_path / "out")
    converted(SOURCES["nq"], files, tmp_path / "out", splits=("train", "test"))
    assert not (tmp_path / "out/dev.jsonl").exists()
    with pytest.raises(InputError, match=r"none: no such folder"):
        converted(SOURCES["nq"], tmp_path / "none", tmp_path / "out")
    with pytest.raises(InputError, match=r"--split: expected one of train, dev with squad, got 'test'"):
        converted(SOURCES["squad"], DATA / "squad", tmp_path / "out", splits=("test",))
    shutil.rmtree(files)
    shutil.copytree(DATA / "beir", files)
    shutil.rmtree(files / "qrels")
    with pytest.raises(InputError, match=r"--from: expected one of qrels/train.tsv, qrels/dev.tsv, qrels/test.tsv"):
        converted(SOURCES["beir"], files, tmp_path / "out")


def test_other_folders_are_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"out: exists and is not a folder made by `jsarag data`"):
        converted(SOURCES["dstc11"], DATA / "dstc11", out)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_a_conversion_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = copied("dstc11", tmp_path)
    converted(SOURCES["dstc11"], files, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    knowledge = json.loads((files / "data/knowledge.json").read_text())
    knowledge["restaurant"]["12"]["reviews"]["5"]["sentences"]["0"] = 5  # met after three passages are written
    (files / "data/knowledge.json").write_text(json.dumps(knowledge))
    with pytest.raises(InputError, match=r"knowledge.json:1: reviews: 5: sentences: 0: expected text, got 5"):
        converted(SOURCES["dstc11"], files, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "out"]


def test_check_finds_what_changed(tmp_path: Path) -> None:
    files, out = copied("dstc11", tmp_path), tmp_path / "out"
    converted(SOURCES["dstc11"], files, out)
    with pytest.raises(InputError, match=r"--check: expected a folder of dstc9, got 'dstc11'"):
        check(SOURCES["dstc9"], out, None)
    text = (out / "test.jsonl").read_text()
    for changed, message in (
        (text + "\n", r"test.jsonl: expected [\d,]+ bytes"),
        (text.replace("Boats", "Goats"), "sha256"),
    ):
        (out / "test.jsonl").write_text(changed)
        with pytest.raises(InputError, match=message):
            check(SOURCES["dstc11"], out, None)
    (out / "test.jsonl").write_text(text)
    assert check(SOURCES["dstc11"], out, files) == read_json(out / "manifest.json")
    (files / "data/val/logs.json").unlink()
    with pytest.raises(InputError, match=r"data/val/logs.json: missing"):
        check(SOURCES["dstc11"], out, files)
    (out / "manifest.json").write_text("[]")
    with pytest.raises(InputError, match=r"manifest.json: not a manifest written by `jsarag data`"):
        check(SOURCES["dstc11"], out, None)


def test_passages_are_written_while_they_are_read(tmp_path: Path) -> None:
    """An endless knowledge base can be converted up to a limit: nothing waits for its end."""

    def endless(files: Any, options: Options) -> Iterator[Passage]:
        number = 0
        while True:
            yield Passage(str(number), "", "text")
            number += 1

    source = Source(
        **{name: getattr(SOURCES["dstc11"], name) for name in Source.__dataclass_fields__ if name != "passages"},
        passages=endless,
    )
    only = Example("1", "q", ("a",), ("70",))
    source = Source(**(vars(source) | {"examples": lambda files, split, options: iter([only])}))
    convert(source, DATA / "dstc11", tmp_path / "out", Options(("dev",)), Silent(), passages_limit=50)
    assert [p.id for p in load_passages(tmp_path / "out/passages.jsonl")] == [*map(str, range(50)), "70"]
