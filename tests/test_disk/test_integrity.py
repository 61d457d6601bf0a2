"""Damaged, exchanged and removed files of runs, indexes and data sets are noticed, and what is whole is used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import jsarag
from jsarag.cli.main import main
from jsarag.data import load_passages
from jsarag.files import read_json
from jsarag.training import checkpoint
from jsarag.training.trainer import Trainer
from jsarag.types import InputError
from tests.test_training.test_finished import Lines
from tests.test_training.test_run import configured, curve

QUICK = ("--evaluation.closed_book", "false", "--evaluation.limit", "2", "--loop.steps", "6", "--loop.eval_every", "2")
SQUAD = Path(__file__).parents[1] / "data" / "squad"


def flip(path: Path, bit: int = 0) -> None:
    """Change one bit in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1 << bit
    path.write_bytes(raw)


@contextmanager
def stopping(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[None]:
    """Runs end within a step, as if killed."""
    original = Trainer._step

    def stopped(self: Trainer) -> dict[str, float | None]:
        if self.state.step == step:
            raise KeyError("killed")
        return original(self)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_step", stopped)
        with pytest.raises(KeyError, match="killed"):
            yield


@pytest.fixture
def stopped(options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of six steps that was killed after its fifth."""
    with stopping(monkeypatch, 5):
        jsarag.train(configured(options, *QUICK))
    return tmp_path / "run"


def test_a_damaged_checkpoint_is_left_and_the_one_before_leads_to_the_same_run(
    stopped: Path, options: list[str], tmp_path: Path
) -> None:
    at = options.index("--out")
    whole = configured([*options[: at + 1], str(tmp_path / "whole"), *options[at + 2 :]], *QUICK)
    expected = jsarag.train(whole)
    assert expected is not None
    names = {path.name for path in (stopped / "checkpoints").glob("last-*")}
    assert names == {"last-000002", "last-000004"}
    for damage in ("optimizer.safetensors", "generator/adapter_model.safetensors", "state.json", "sampler.safetensors"):
        run = Path(shutil.copytree(stopped, tmp_path / damage))
        flip(run / "checkpoints" / "last-000004" / damage)
        display = Lines()
        found = jsarag.resume(run, display=display)
        (told,) = (line for line in display.said if "goes on from" in line)
        assert damage in told
        assert "last-000002, which is whole" in told
        assert found is not None
        assert found["after"] == expected["after"]
        assert curve(run) == curve(tmp_path / "whole")
        assert checkpoint.locate(run, "last")[1] == 6


def test_a_run_whose_pointer_is_lost_goes_on_and_one_without_checkpoints_is_refused(
    stopped: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(stopped, tmp_path / "lost"))
    (run / "checkpoints" / "last.json").unlink()
    (run / "checkpoints" / "best.json").write_text("{")
    display = Lines()
    assert jsarag.resume(run, display=display) is not None
    told = [line for line in display.said if "goes on from" in line]
    assert [line.partition(":")[0].rpartition("/")[2] for line in told] == ["last.json", "best.json"]
    assert "last-000004" in told[0]
    shutil.rmtree(stopped / "checkpoints")
    with pytest.raises(InputError, match=r"holds no checkpoint 'last', but metrics.jsonl tells of step 4"):
        jsarag.resume(stopped)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "both checkpoints": (
        lambda run: list(map(flip, run.glob("checkpoints/last-*/prior/*.safetensors"))),
        "no checkpoint 'last' is whole",
    ),
    "the best": (
        lambda run: list(map(flip, run.glob("checkpoints/best-*/prior/*.safetensors"))),
        "no checkpoint 'best' is whole",
    ),
    "no best": (
        lambda run: list(map(without, run.glob("checkpoints/best*"))),
        "holds no checkpoint 'best'",
    ),
    "the record": (lambda run: exchanged(run / "metrics.jsonl", "{", "{ "), "metrics.jsonl: damaged or exchanged"),
    "an evaluation": (lambda run: flip(run / "evaluation" / "before.jsonl"), "before.jsonl: damaged"),
    "the settings": (lambda run: exchanged(run / "config.yaml", "m: 10", "m: 11"), "config.yaml: damaged, or edited"),
    "half of the settings": (lambda run: cut(run / "config.yaml", 0.7), "config.yaml: cut short"),
    "a line of the settings": (lambda run: cut(run / "config.yaml", -3), "config.yaml: cut short"),
    "the index": (lambda run: flip(run / "index" / "vectors.safetensors"), "vectors.safetensors: damaged"),
}


def without(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def exchanged(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def cut(path: Path, lines: float) -> None:
    """Keep the first lines: a share of them, or all but so many."""
    kept = path.read_text().splitlines(keepends=True)
    path.write_text("".join(kept[: round(lines * len(kept)) if lines > 0 else int(lines)]))


def test_other_damage_to_a_stopped_run_is_refused_in_one_line(
    stopped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (damage, line) in enumerate(REFUSED.values()):
        run = Path(shutil.copytree(stopped, tmp_path / str(number)))
        damage(run)
        capsys.readouterr()
        assert main(["check", str(run)]) == 1
        assert main(["train", "--resume", str(run)]) == 2
        err = capsys.readouterr().err
        assert "Traceback" not in err
        (told,) = (text for text in err.splitlines() if text.startswith("jsarag: "))
        assert line in told


def test_settings_may_be_edited_on_purpose(stopped: Path) -> None:
    exchanged(stopped / "config.yaml", "resamples: 50", "resamples: 60")
    with pytest.raises(InputError, match="remove its last line if it was edited on purpose"):
        jsarag.resume(stopped)
    before = (stopped / "config.yaml").read_text()
    cut(stopped / "config.yaml", -1)
    with pytest.raises(InputError, match=r"changed since the run began: evaluation\.resamples"):
        jsarag.resume(stopped)
    assert jsarag.resume(stopped, accept_changes=True) is not None
    text = (stopped / "config.yaml").read_text()
    assert "resamples: 60" in text
    run = "# jsarag: run "
    assert text.partition(run)[2].partition(",")[0] == before.partition(run)[2].partition(",")[0]


def test_files_of_another_run_are_refused(
    stopped: Path, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = options.index("--out")
    other = tmp_path / "other"
    words = [*options[: at + 1], str(other), *options[at + 2 :]]
    with stopping(monkeypatch, 5):
        jsarag.train(configured(words, *QUICK, "--loop.seed", "1"))
    for name in ("checkpoints", "index", "evaluation"):
        run = Path(shutil.copytree(stopped, tmp_path / f"with {name}"))
        shutil.rmtree(run / name)
        shutil.copytree(other / name, run / name)
        with pytest.raises(InputError, match="belongs to another run"):
            jsarag.resume(run)
    shutil.copy(other / "config.yaml", stopped / "config.yaml")
    with pytest.raises(InputError, match="belongs to another run"):
        jsarag.resume(stopped)


def test_a_finished_run_is_checked_by_all_that_read_it(options: list[str], tmp_path: Path) -> None:
    jsarag.train(configured(options, *QUICK))
    run = tmp_path / "run"
    assert jsarag.check(run).whole
    same = Path(shutil.copytree(run, tmp_path / "same"))
    reading: dict[str, Callable[[], Any]] = {
        "summary.json": lambda: jsarag.resume(run),
        "evaluation/after.jsonl": lambda: jsarag.compare([same, run]),
        "metrics.jsonl": lambda: jsarag.compare([same, run]),
        "checkpoints/best.json": lambda: jsarag.Run.load(run),
        "index/checksums.json": lambda: jsarag.stage("concat", run),
        "config.yaml": lambda: jsarag.Run.load(run),
    }
    for name, read in reading.items():
        before = (run / name).read_bytes()
        for damage in (flip, Path.unlink):
            if (name, damage) == ("summary.json", Path.unlink):
                continue  # then the run is not finished, and finished again
            damage(run / name)
            assert not jsarag.check(run).whole
            with pytest.raises(InputError, match=Path(name).name):
                read()
            (run / name).write_bytes(before)
    (run / "checksums.json").unlink()
    with pytest.raises(InputError, match=r"checksums.json: missing"):
        jsarag.Run.load(run)


def test_a_converted_data_set_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "kb"
    assert main(["data", "squad", "--from", str(SQUAD), "--out", str(out), "--unverified"]) == 0
    assert main(["check", str(out)]) == 0
    passages = load_passages(out / "passages.jsonl")
    exchanged(out / "passages.jsonl", "the ", "teh ")
    capsys.readouterr()
    assert main(["check", "--json", str(out)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["whole"]) == ("data", False)
    assert [file["file"] for file in told["files"] if file["state"] == "damaged"] == ["passages.jsonl"]
    with pytest.raises(InputError, match=r"passages.jsonl: damaged .* remove manifest.json if it was changed"):
        load_passages(out / "passages.jsonl")
    (out / "manifest.json").unlink()
    assert len(load_passages(out / "passages.jsonl")) == len(passages)


def test_what_an_earlier_version_wrote_is_unknown_and_still_read(options: list[str], tmp_path: Path) -> None:
    jsarag.train(configured(options, *QUICK))
    run = tmp_path / "run"
    for seal in run.rglob("*checksums.json"):
        seal.unlink()
    for pointer in run.glob("checkpoints/*.json"):
        record = read_json(pointer)
        pointer.write_text(json.dumps({"folder": record["folder"], "step": record["step"]}))
    for state in run.glob("checkpoints/*/state.json"):
        record = read_json(state)
        del record["state"]["record"]
        state.write_text(json.dumps(record))
    cut(run / "config.yaml", -1)
    manifest = read_json(run / "index" / "manifest.json")
    (run / "index" / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
    found = jsarag.check(run)
    assert found.whole
    assert {finding.state for finding in found.findings} == {"unknown"}
    assert jsarag.Run.load(run).ask("where is the red lamp ?").passages


def test_what_cannot_be_checked_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none")]) == 2
    assert "none: expected a folder, found nothing" in capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == 2
    assert "expected a run, an index or a folder made by `jsarag data`" in capsys.readouterr().err


def test_what_kills_left_half_written_is_cleared_when_a_run_goes_on(options: list[str], tmp_path: Path) -> None:
    jsarag.train(configured(options, *QUICK))
    run = tmp_path / "run"
    (run / "summary.json").unlink()
    for place, name in (("checkpoints", "last.json"), ("evaluation", "after.json"), (".", "index")):
        left = run / place / f".{name}.0123456789abcdef.jsarag"
        left.mkdir()
        (left / "lock").touch()
    assert jsarag.resume(run) is not None
    assert not list(run.rglob("*.jsarag"))
