"""What has changed between stop and resume is named, line by line; a run goes on where the changes are accepted."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file

import jsarag
from jsarag.cli.main import main
from jsarag.files import read_json, read_jsonl, write_json
from jsarag.models import fingerprint
from jsarag.parsing import load_run
from jsarag.run import fingerprints
from jsarag.run.data import read
from jsarag.training import checkpoint
from jsarag.training.trainer import Trainer
from tests import tiny, world
from tests.test_training.test_finished import Lines, contents
from tests.test_training.test_run import configured

Rows = list[dict[str, Any]]
QUICK = (
    "--objective.cache",
    "true",
    "--loop.eval_every",
    "2",
    "--evaluation.answers",
    "false",
    "--evaluation.closed_book",
    "false",
)
STEP = 4
TORCH = version("torch")
"""As its package says; the module may add what the build is for."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, data: Path, encoder_model: Path, causal_model: Path) -> Path:
    """A run that was interrupted after four steps, its data and models in its folder, so that all moves together."""
    run = tmp_path_factory.mktemp("begun") / "run"
    for name, source in {"data": data, "encoder": encoder_model, "generator": causal_model}.items():
        shutil.copytree(source, run / name)
    words = [*world.options(run / "data", run / "encoder", run / "generator", run), *QUICK]
    original = Trainer._step

    def interrupting(self: Trainer) -> dict[str, float | None]:
        if self.state.step == STEP - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", interrupting)
        assert jsarag.train(configured(words)) is None
    return run


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "run"))


def edited(run: Path, name: str, edit: Callable[[Rows], Rows]) -> None:
    file = run / "data" / f"{name}.jsonl"
    world.lines(file, edit([row for _, row in read_jsonl(file)]))


def set_option(run: Path, name: str, value: Any) -> None:
    file = run / "config.yaml"
    tree = yaml.safe_load(file.read_text())
    *branches, leaf = name.split(".")
    place = tree
    for branch in branches:
        place = place[branch]
    place[leaf] = value
    file.write_text(yaml.safe_dump(tree, sort_keys=False))


def kept(run: Path, *keys: str, value: Any) -> None:
    """Set a value in the fingerprints of a run."""
    found = place = read_json(run / fingerprints.FILE)
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    write_json(run / fingerprints.FILE, found)


def answered(rows: Rows) -> Rows:
    return [row | {"outputs": ["nine"]} if i == 5 else row for i, row in enumerate(rows)]


def look(run: Path) -> fingerprints.Fingerprints:
    config = load_run(run)
    return fingerprints.take(config, read(config.data).rows)


SIXTH = "(first: id 'boat/green/0')"
CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "train edited": (lambda r: edited(r, "train", answered), rf"data.train: 1 of 24 examples changed {SIXTH}"),
    "train reordered": (
        lambda r: edited(r, "train", lambda rows: [*rows[:3], *reversed(rows[3:])]),
        "data.train: the same 24 examples in another order (first: id 'stove/green/1')",
    ),
    "train halved": (
        lambda r: edited(r, "train", lambda rows: rows[:12]),
        "data.train: 24 examples when the run began, now 12: 12 gone, 0 new",
    ),
    "train longer": (
        lambda r: edited(r, "train", lambda rows: [*rows[1:], rows[0] | {"id": "a"}, rows[0] | {"id": "b"}]),
        "data.train: 24 examples when the run began, now 25: 1 gone, 2 new (first: id 'a')",
    ),
    "dev edited": (
        lambda r: edited(r, "dev", answered),
        "data.dev: 1 of 6 examples changed (first: id 'boat/green/2')",
    ),
    "dev none": (
        lambda r: set_option(r, "data.dev", None),
        "data.dev: 6 examples when the run began, now 0: 6 gone, 0 new",
    ),
    "test edited": (lambda r: edited(r, "test", answered), "data.test: 1 of 6 examples changed"),
    "passages": (
        lambda r: edited(r, "passages", lambda rows: [rows[0] | {"text": "another text"}, *rows[1:]]),
        "data.passages: 1 of 12 passages changed (first: id 'lamp/red')",
    ),
    "generator": (
        lambda r: tiny.causal(r / "generator", seed=1),
        "generator.model: other files than when the run began: model.safetensors",
    ),
    "encoder": (lambda r: tiny.encoder(r / "encoder", seed=1), "encoder.model: other files than when the run began: "),
    "tokenizer": (
        lambda r: (r / "generator" / "tokenizer.json").write_text("{}"),
        "generator.model: other files than when the run began: tokenizer.json",
    ),
    "seed": (lambda r: set_option(r, "loop.seed", 1), "loop.seed: 0 when the run began, now 1"),
    "rate": (lambda r: set_option(r, "optim.lr_prior", 0.5), "optim.lr_prior: 0.001 when the run began, now 0.5"),
    "adapters": (lambda r: set_option(r, "generator.lora", None), 'generator.lora: {"rank": 4, '),
    "torch": (
        lambda r: kept(r, "versions", "torch", value="1.13.1"),
        f"version.torch: 1.13.1 when the run began, now {TORCH}",
    ),
    "peft": (lambda r: kept(r, "versions", "peft", value="0.2.0"), "version.peft: 0.2.0 when the run began, now "),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_named(run: Path, change: str) -> None:
    assert look(run).changes == ()
    make, line = CHANGES[change]
    make(run)
    (found,) = look(run).changes
    assert str(found).startswith(line)
    with pytest.raises(
        jsarag.InputError, match=f"changed since the run began: {found.name}|{found.name} changed since"
    ):
        look(run).check(run, accept=False)


SAME: dict[str, Callable[[Path], Any]] = {
    "a README": lambda r: (r / "generator" / "README.md").write_text("text"),
    "weights for others": lambda r: (r / "encoder" / "pytorch_model.bin").write_text("text"),
    "a checkpoint beside": lambda r: shutil.copytree(r / "encoder", r / "encoder" / "checkpoint-7"),
    "batches": lambda r: set_option(r, "generator.batch_tokens", 100),
    "rewritten": lambda r: (r / "data/dev.jsonl").write_text((r / "data/dev.jsonl").read_text().replace(", ", ",  ")),
    "renamed": lambda r: set_option(r, "encoder.model", str((r / "encoder").rename(r / "e"))),
}


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_is_no_change(run: Path, name: str) -> None:
    SAME[name](run)
    assert look(run).changes == ()


def test_a_changed_run_stops_and_stays_as_it_is_until_the_changes_are_accepted(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(run, "train", lambda rows: [*reversed(rows[2:]), rows[0] | {"outputs": ["nine"]}])
    edited(run, "test", lambda rows: answered(rows)[1:])
    tiny.causal(run / "generator", seed=1)
    set_option(run, "optim.clip", 2.0)
    before = contents(run) | {".lock": ""}
    assert main(["train", "--resume", str(run)]) == 2
    said = capsys.readouterr().err.splitlines()
    lines = [line for line in said if " when the run began" in line]
    assert lines == [
        "data.train: 24 examples when the run began, now 23: 2 gone, 1 new (first: id 'lamp/red/0')",
        "data.test: 6 examples when the run began, now 5: 2 gone, 1 new (first: id 'stove/green/2')",
        "generator.model: other files than when the run began: model.safetensors",
        "optim.clip: 1.0 when the run began, now 2.0",
    ]
    assert said[-1].startswith(f"jsarag: {run}: changed since the run began: data.train, data.test, generator.model, ")
    assert "--accept-changes" in said[-1]
    assert contents(run) | {".lock": ""} == before

    ids = [row["id"] for _, row in read_jsonl(run / "evaluation" / "before.jsonl")]
    assert main(["train", "--resume", str(run), "--accept-changes"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if " when the run began" in line] == lines
    assert f"{run}: goes on with 4 accepted changes" in said
    summary = read_json(run / "summary.json")
    accepted = summary["run"]["accepted_changes"]
    assert accepted == [f"accepted after step {STEP}: {line}" for line in lines]
    assert summary["run"]["warnings"][:4] == accepted
    rows = [row for _, row in read_jsonl(run / "metrics.jsonl")]
    assert [row["text"] for row in rows if row["kind"] == "warning" and row["step"] == STEP] == accepted
    # Of the other test pairs, both.
    measured = [[row["id"] for _, row in read_jsonl(run / "evaluation" / f"{n}.jsonl")] for n in ("before", "after")]
    assert measured == [ids[1:], ids[1:]]
    assert look(run).changes == ()


def test_chains_stay_with_their_pairs(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = run / "data" / "train.jsonl"
    old = [row["id"] for _, row in read_jsonl(file)]
    saved = load_file(checkpoint.locate(run, "last")[0] / "sampler.safetensors")["chains"].tolist()
    assert max(saved) >= 0
    edited(run, "train", lambda rows: [rows[0] | {"outputs": ["nine"]}, *reversed(rows[2:])])
    taken: list[dict[str, int]] = []

    def ended(self: Trainer, notes: object) -> None:
        taken.append(dict(zip([case.id for case in self.cases], self.state.chains.tolist(), strict=True)))
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "run", ended)
    for _ in range(2):  # after a kill before the next checkpoint, when the change has been accepted, as well
        with pytest.raises(KeyboardInterrupt):
            jsarag.resume(run, accept_changes=not taken)
    assert taken[0] == taken[1] == dict(zip(old[2:], saved[2:], strict=True)) | {old[0]: -1}


def test_other_passages_are_never_accepted(run: Path) -> None:
    edited(run, "passages", lambda rows: [rows[0] | {"text": "another text"}, *rows[1:]])
    with pytest.raises(jsarag.InputError, match=r"data\.passages changed since the run began; put the file back"):
        jsarag.resume(run, accept_changes=True)


def test_a_run_of_an_earlier_version_goes_on_with_a_line_and_is_known_from_then_on(run: Path) -> None:
    (run / fingerprints.FILE).unlink()
    edited(run, "train", answered)
    display = Lines()
    assert jsarag.resume(run, display=display) is not None
    assert sum("begun by an earlier version" in line for line in display.said) == 1
    assert look(run).changes == ()


def test_smaller_differences_of_versions_are_told_once(run: Path) -> None:
    major = TORCH.partition(".")[0]
    kept(run, "versions", "torch", value=f"{major}.0.1")
    found = look(run)
    assert found.changes == ()
    line = f"warning: version.torch: {major}.0.1 when the run began, now {TORCH}"
    assert found.told == (line,)
    fingerprints.keep(run, found)
    assert look(run).told == ()


def test_a_large_file_is_hashed_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "PIECE", 1000)
    monkeypatch.setattr(fingerprint, "BUFFER", 300)
    file = tmp_path / "model.gguf"
    seen = set()
    for length in (0, 999, 1000, 1001, 2500):
        for changed in (None, 0, length // 2, length - 1):
            text = bytearray(length)
            if changed is not None and length:
                text[changed] = 1
            file.write_bytes(text)
            seen.add(
                (length, changed if length else None, fingerprint.files(str(file), "generator.model")["model.gguf"])
            )
    assert len({digest for *_, digest in seen}) == len(seen) == 1 + 4 * 4


def test_rows_are_known_by_what_they_say() -> None:
    plain = jsarag.Example("a", "x", ("y",))
    assert fingerprints.digest(plain) == fingerprints.digest(jsarag.Example("a", "x", ("y",), history=()))
    turn = jsarag.Turn("user", "z")
    others: list[jsarag.Example | jsarag.Passage] = [
        jsarag.Example("b", "x", ("y",)),
        jsarag.Example("a", "x", ("y", "z")),
        jsarag.Example("a", "x", ("y",), gold=("z",)),
        jsarag.Example("a", "x", ("y",), exclude=("z",)),
        jsarag.Example("a", "x", ("y",), history=(turn,)),
        jsarag.Passage("a", "x", "y"),
    ]
    assert len({fingerprints.digest(row) for row in (plain, *others)}) == 1 + len(others)


def test_runs_at_other_places_are_seeds_of_one_group(begun: Path, tmp_path: Path) -> None:
    """Absolute paths of two machines differ; what lies there does not."""
    runs = []
    for place in ("a", "b"):
        run = Path(shutil.copytree(begun, tmp_path / place / "run"))
        for branch, name in (("encoder", "model"), ("data", "train")):
            set_option(
                run, f"{branch}.{name}", str(run / yaml.safe_load((run / "config.yaml").read_text())[branch][name])
            )
        if place == "b":
            kept(run, "settings", "loop", "seed", value=1)
            set_option(run, "loop.seed", 1)
        assert jsarag.resume(run) is not None
        runs.append(run)
    assert [len(group.members) for group in jsarag.compare(runs, resamples=10)] == [2]
