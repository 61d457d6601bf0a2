"""The record of a resumed run: rows of steps that are done again are dropped, and so is an incomplete last line."""

from __future__ import annotations

from pathlib import Path

import pytest
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker

from jsarag.files import read_jsonl
from jsarag.training.config import LoopConfig
from jsarag.training.record import Record
from jsarag.types import InputError


def record(run: Path, steps: range, *, from_step: int | None = None) -> None:
    opened = Record(run, from_step=from_step)
    for step in steps:
        opened.add("step", step, {"loss": 1.0, "text": "Grüße"})
    opened.close()


def steps(run: Path) -> list[int]:
    return [row["step"] for _, row in read_jsonl(run / "metrics.jsonl")]


@pytest.mark.parametrize(("from_step", "wanted"), [(None, [3, 4]), (0, [0, 3, 4]), (2, [0, 1, 2, 3, 4])])
def test_an_incomplete_last_line_is_dropped_wherever_it_ends(
    tmp_path: Path, from_step: int | None, wanted: list[int]
) -> None:
    record(tmp_path, range(3))
    metrics = tmp_path / "metrics.jsonl"
    whole = metrics.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    # Also in the middle of a character, and with what a crash of the machine leaves.
    for cut in [*(last[:length] for length in range(len(last))), b"\0" * 7]:
        metrics.write_bytes(whole + cut)
        record(tmp_path, range(3, 5), from_step=from_step)
        assert steps(tmp_path) == wanted


def test_a_broken_line_before_the_last_is_named(tmp_path: Path) -> None:
    record(tmp_path, range(3))
    metrics = tmp_path / "metrics.jsonl"
    first, *others = metrics.read_text(encoding="utf-8").splitlines(keepends=True)
    metrics.write_text("".join([first[:9] + "\n", *others]), encoding="utf-8")
    with pytest.raises(InputError, match=r"metrics.jsonl:1: not valid JSON"):
        Record(tmp_path, from_step=2)


def test_trackers_are_told_all_numbers_and_are_named_in_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, object]] = []

    class Told(GeneralTracker):  # type: ignore[misc]
        name, requires_logging_directory, main_process_only = "trackio", False, False

        def __init__(self, run_name: str, **options: object) -> None:
            super().__init__()
            told.append((run_name, options))

        def start(self) -> None:
            told.append(("start", None))

        @property
        def tracker(self) -> object:
            return self

        def store_init_configuration(self, values: dict[str, object]) -> None:
            pass

        def log(self, values: dict[str, object], step: int | None = None, **_: object) -> None:
            told.append((f"step {step}", values))

        def finish(self) -> None:
            told.append(("finish", None))

    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "trackio", Told)
    (tmp_path / "run").mkdir()
    record = Record(tmp_path / "run", trackers=("trackio",))
    record.add("dev", 4, {"prior": {"mrr@10": 0.5}, "text": "words", "nothing": None})
    record.close()
    assert told == [
        ("jsarag", {"name": "run"}),
        ("start", None),
        ("step 4", {"dev/prior/mrr@10": 0.5}),
        ("finish", None),
    ]
    assert not (tmp_path / "run" / "tensorboard").exists()
    with pytest.raises(InputError, match=r"loop\.report_to: wandb is not installed; pip install wandb"):
        LoopConfig(report_to=("tensorboard", "wandb"))
    with pytest.raises(InputError, match=r"loop\.report_to: expected some of tensorboard, wandb, mlflow, trackio, got"):
        LoopConfig(report_to=("paper",))
