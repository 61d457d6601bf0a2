"""Data sets of the hub as files of examples and passages, from a server that speaks the hub's protocol."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest

import jsarag
from jsarag.cli.main import main
from jsarag.data import load_examples, load_passages
from jsarag.data.formats.hub import Place
from jsarag.types import Example, InputError, Passage
from tests.test_data.hub import at, serving

Done = dict[str, tuple[int, str, str]]
"""Exit status, output and errors by command line."""

PAIRS = [{"question": f"Where is boat {i}?", "answers": {"text": [f"at pier {i}"]}, "note": None} for i in range(60)]
PICTURED = datasets.Dataset.from_dict(
    {"question": ["who?", "where?"], "answer": [1, 0], "photo": [None, None]},
    datasets.Features(
        {
            "question": datasets.Value("string"),
            "answer": datasets.ClassLabel(names=["Ada", "Bo"]),
            "photo": datasets.Image(),
        }
    ),
)
CONFIGS = "---\nconfigs:\n- config_name: en\n  data_files: en.jsonl\n- config_name: de\n  data_files: de.jsonl\n---\n"
FEW = "---\ndataset_info:\n  splits:\n  - name: train\n    num_examples: 2000001\n---\n"
PROGRAM = "import pathlib; pathlib.Path({!r}).touch()\n"

COMMANDS = {
    "whole": "split hf:someone/log:train",
    "first": "split hf:someone/log:train[:12]",
    "no split": "split hf:someone/log",
    "wrong split": "split hf:someone/log:dev",
    "no config": "split hf:someone/two",
    "wrong config": "split hf:someone/two/fr",
    "config": "data check --texts-only hf:someone/two/de",
    "pictures": "data check --texts-only hf:someone/pictured",
    "nobody": "split hf:someone/nothing",
    "large": "split hf:someone/large:train",
    "program": "split hf:someone/program",
    "form": "split hf:log",
    "train": "train --data.passages hf:someone/kb --data.train hf:someone/log:train[:12] --out run --loop.steps 1 "
    "--encoder.model ENCODER --generator.model GENERATOR --generator.max-new-tokens 4 --evaluation.before false",
}
_SERVER = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from jsarag.cli.main import main
done = {}
for name, line in json.loads(sys.argv[1]).items():
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = main(line.split(" "))
    done[name] = status, out.getvalue(), err.getvalue()
print(json.dumps(done))
"""


def parquet(rows: datasets.Dataset) -> bytes:
    held = io.BytesIO()
    rows.to_parquet(held, batch_size=10)
    return held.getvalue()


def play(commands: dict[str, str], folder: Path, environment: dict[str, str]) -> Done:
    """The commands in a process of their own: the hub's address is read when its library is loaded."""
    words = [sys.executable, "-c", _SERVER, json.dumps(commands)]
    done = subprocess.run(
        words, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found: Done = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def played(
    tmp_path_factory: pytest.TempPathFactory, encoder_model: Path, causal_model: Path
) -> tuple[Done, Done, list[str], Path]:
    """All commands; then some of them offline; the requests; the folder."""
    folder = tmp_path_factory.mktemp("hub")
    pairs = datasets.Dataset.from_list(PAIRS)
    kb = "".join(json.dumps({"title": "Boats", "text": f"Boat {i} is at pier {i}."}) + "\n" for i in range(12))
    sets = {
        "someone/log": {"data/train-0.parquet": parquet(pairs), "data/test-0.parquet": parquet(pairs.select([0]))},
        "someone/two": {"README.md": CONFIGS.encode(), "en.jsonl": b'{"text": "a"}\n', "de.jsonl": b'{"text": "b"}\n'},
        "someone/pictured": {"data/train-0.parquet": parquet(PICTURED)},
        "someone/large": {"README.md": FEW.encode(), "train.csv": b"question,answer\nwho?,Ada\n"},
        "someone/program": {"program.py": PROGRAM.format(str(folder / "ran")).encode()},
        "someone/kb": {"kb.jsonl": kb.encode()},
    }
    names = {"ENCODER": str(encoder_model), "GENERATOR": str(causal_model)}
    commands = {name: " ".join(names.get(word, word) for word in line.split(" ")) for name, line in COMMANDS.items()}
    asked: list[str] = []
    with serving(sets, asked) as address:
        online = play(commands, folder, at(address, folder / "cache"))
    again = {name: commands[name] for name in ("whole", "config", "nobody")}
    return online, play(again, folder, at(address, folder / "cache", offline=True)), asked, folder


def told(done: Done, name: str, said: str, status: int = 0) -> None:
    assert done[name][0] == status, done[name]
    assert said in done[name][1].splitlines()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no split", "hf:someone/log: holds several splits; name one of hf:someone/log:train, hf:someone/log:test"),
        ("wrong split", "hf:someone/log:dev: no split 'dev'; there are train, test"),
        ("no config", "hf:someone/two: holds several sets; name one of hf:someone/two/en, hf:someone/two/de"),
        ("wrong config", "hf:someone/two/fr: cannot be read: BuilderConfig 'fr' not found. Available: ['en', 'de']"),
        ("nobody", "hf:someone/nothing: no such data set, or a private one that needs HF_TOKEN"),
        ("large", "hf:someone/large:train: 2,000,001 rows; expected at most 2,000,000: name a part, "),
        ("program", "hf:someone/program: cannot be read: Dataset scripts are no longer supported"),
        ("form", "hf:log: expected hf:OWNER/NAME:SPLIT, "),
    ],
)
def test_what_cannot_be_read_is_one_line(name: str, message: str, played: tuple[Done, Done, list[str], Path]) -> None:
    status, out, err = played[0][name]
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"jsarag: {message}")
    assert len(err.splitlines()) == 1


def test_no_program_of_a_set_is_run(played: tuple[Done, Done, list[str], Path]) -> None:
    assert not (played[3] / "ran").exists()


def test_splits_and_parts(played: tuple[Done, Done, list[str], Path]) -> None:
    online, _, asked, _ = played
    told(online, "whole", "hf:someone/log:train: read as questions and answers: 60 pairs")
    told(online, "first", "hf:someone/log:train[:12]: read as questions and answers: 12 pairs; the first 12 rows")
    assert "reading someone/log 60/60" in online["whole"][2]
    told(online, "config", "hf:someone/two/de: read as passages: 1 passage")
    told(online, "pictures", "hf:someone/pictured: read as questions and answers: 2 pairs; photo not read: Image")
    assert any(line.startswith("GET /datasets/someone/log/resolve/") for line in asked)


def test_a_run_on_sets_of_the_hub(played: tuple[Done, Done, list[str], Path]) -> None:
    online, _, _, folder = played
    assert online["train"][0] == 0, online["train"]
    assert "hf:someone/kb: read as passages: 12 passages" in online["train"][2]
    config = jsarag.load_config(folder / "run" / "config.yaml")
    assert str(config.data.train) == "hf:someone/log:train[:12]"


def test_whole_splits_are_there_offline(played: tuple[Done, Done, list[str], Path]) -> None:
    _, offline, _, _ = played
    told(offline, "whole", "hf:someone/log:train: read as questions and answers: 60 pairs")
    told(offline, "config", "hf:someone/two/de: read as passages: 1 passage")
    status, out, err = offline["nobody"]
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("jsarag: hf:someone/nothing: cannot be read: Couldn't reach")


def test_address() -> None:
    assert Place.of("hf:a/b") == Place("a/b", None, None, None, None)
    assert Place.of("hf:a/b.c@v1/de:train[:1_000]") == Place("a/b.c", "v1", "de", "train", 1000)
    assert Place.of("hf:a/b/de[:5]").at(split="test") == "hf:a/b/de:test[:5]"
    for wrong in ("hf:", "hf:a", "hf:a/b:train[5:]", "hf:a/b:train[:0]", "hf://datasets/a/b"):
        with pytest.raises(InputError, match=r"expected hf:OWNER/NAME:SPLIT"):
            Place.of(wrong)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert main(["split", "hf:someone/log"]) == 2
    said = 'jsarag: hf:someone/log: needs one more package: pip install "jsarag[datasets]"\n'
    assert capsys.readouterr().err == said


def test_a_forgotten_mark_is_told() -> None:
    with pytest.raises(InputError, match=r"someone/log: no such file; a data set of the hub is named hf:someone/log"):
        load_examples("someone/log")


def test_saved_folders(tmp_path: Path) -> None:
    """Of several files, of one split of a dictionary, of passages; read without the library."""
    pairs = datasets.Dataset.from_list(PAIRS)
    expected = [Example(str(i), f"Where is boat {i}?", (f"at pier {i}",)) for i in (*range(1, 60), 0)]
    pairs.save_to_disk(tmp_path / "log", num_shards=3)
    assert [e.input for e in load_examples(tmp_path / "log")] == [row["question"] for row in PAIRS]
    datasets.DatasetDict({"train": pairs.select(range(5)), "test": pairs}).save_to_disk(tmp_path / "both")
    assert len(load_examples(tmp_path / "both" / "train")) == 5
    assert expected[0].outputs == load_examples(tmp_path / "both" / "test")[1].outputs
    datasets.Dataset.from_list([{"title": "T", "text": "a"}]).save_to_disk(tmp_path / "kb")
    assert load_passages(tmp_path / "kb") == [Passage("1", "T", "a")]
    row: dict[str, Any] = {"question": "who?", "answer": "Ada"}
    filtered = datasets.Dataset.from_list([row, row | {"answer": "Bo"}]).filter(lambda r: r["answer"] == "Bo")
    filtered.save_to_disk(tmp_path / "some")
    assert [e.outputs for e in load_examples(tmp_path / "some")] == [("Bo",)]
