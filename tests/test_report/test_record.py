"""What is read from the files of a run, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsarag.files import write_json, write_jsonl, write_text
from jsarag.metrics import Estimate
from jsarag.report.record import Notice, read_record
from jsarag.types import InputError
from tests.test_report.runs import make_run, step


def test_steps_taken_again_after_a_resume_count_once_and_the_last_row_counts(tmp_path: Path) -> None:
    rows = [
        *[step(i, loss=float(i)) for i in (1, 2, 3)],
        {"kind": "dev", "step": 3, "prior": {"hit@1": 0.1}},
        *[step(i, loss=10.0 * i) for i in (2, 3)],
        {"kind": "dev", "step": 3, "prior": {"hit@1": 0.2}},
    ]
    write_jsonl(tmp_path / "metrics.jsonl", rows)
    record = read_record(tmp_path)
    assert [(point.step, point.values["loss"]) for point in record.steps] == [(1, 1.0), (2, 20.0), (3, 30.0)]
    assert [(point.step, point.values) for point in record.dev["prior"]] == [(3, {"hit@1": 0.2})]


def test_null_and_not_a_number_are_no_figures(tmp_path: Path) -> None:
    write_text(tmp_path / "metrics.jsonl", '{"kind": "step", "step": 1, "loss": null, "ess": NaN, "acceptance": 0}\n')
    assert read_record(tmp_path).steps[0].values == {"acceptance": 0.0}


def test_absent_and_null_blocks_are_left_out(tmp_path: Path) -> None:
    record = read_record(make_run(tmp_path))
    assert set(record.before) == {"prior", "posterior", "answers"}
    assert set(record.after["answers"]) == {"em", "f1"}
    assert record.before["prior"]["hit@1"] == Estimate(0.61, 0.57, 0.65)
    write_json(tmp_path / "summary.json", {"before": None, "run": None})
    record = read_record(tmp_path)
    assert (record.before, record.after, record.cost, record.run) == ({}, {}, {}, {})


def test_a_warning_told_twice_is_kept_once_with_its_step(tmp_path: Path) -> None:
    notices = read_record(make_run(tmp_path)).notices
    assert notices[0] == Notice("retrieval collapses", 12)
    assert [notice.step for notice in notices] == [12, 30]
    assert read_record(make_run(tmp_path / "new", without="metrics.jsonl")).notices == (Notice("retrieval collapses"),)


def test_examples_with_one_side_are_left_out(tmp_path: Path) -> None:
    side = {"answer": None, "passages": [{"id": "a", "title": None, "text": "t", "probability": 1}]}
    row: dict[str, object] = {"id": "1", "input": "x", "outputs": [], "gold": None}
    write_jsonl(tmp_path / "examples.jsonl", [row | {"after": side}, row | {"before": side, "after": side}])
    (pair,) = read_record(tmp_path).pairs
    assert (pair.before.answer, pair.before.passages[0].title, pair.gold) == (None, "", frozenset())


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "other.txt", "")
    for path, found in (
        (tmp_path, "found none of config.yaml"),
        (tmp_path / "absent", "found nothing"),
        (tmp_path / "other.txt", "found a file"),
    ):
        with pytest.raises(InputError, match=found):
            read_record(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.jsonl", '{"kind": "step", "step": 1}\n{"kind": "step", "ste', r"metrics.jsonl:2: not valid JSON"),
        ("metrics.jsonl", "\n[1]", r"metrics.jsonl:2: expected an object, found '\[1\]'"),
        ("metrics.jsonl", "null", r"metrics.jsonl:1: expected an object, found null"),
        (
            "metrics.jsonl",
            '{"kind": "step", "loss": 1}',
            r"metrics.jsonl:1: step: expected a whole number, found 'None'",
        ),
        ("metrics.jsonl", '{"kind": "step", "step": 1, "loss": "x"}', r"jsonl:1: loss: expected a number, found 'x'"),
        ("summary.json", "[]", r"summary.json: expected an object, found '\[\]'"),
        (
            "summary.json",
            '{"after": {"prior": {"hit@1": {"mean": 0.5, "low": 0.4}}}}',
            r"summary.json: after: prior: hit@1: high: expected a number, found 'None'",
        ),
        (
            "summary.json",
            '{"after": {"prior": {"hit@1": {"mean": NaN, "low": 0, "high": 1}}}}',
            r"hit@1: mean: expected a finite number, found 'nan'",
        ),
        ("summary.json", '{"run": {"warnings": "one"}}', r"run: warnings: expected a list, found 'one'"),
        (
            "examples.jsonl",
            '{"id": 3, "before": {"passages": []}, "after": {"passages": []}}',
            r"examples.jsonl:1: id: expected text, found '3'",
        ),
        (
            "examples.jsonl",
            '{"id": "1", "input": "x", "before": {"passages": [{"id": "a", "text": "t"}]}, "after": {"answer": "y"}}',
            r"examples.jsonl:1: before: passages\[0\]: probability: expected a number, found 'None'",
        ),
    ],
)
def test_a_file_that_does_not_hold_what_it_should_is_refused(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    write_text(tmp_path / name, content)
    with pytest.raises(InputError, match=message):
        read_record(tmp_path)
