"""A trained run on another knowledge base: its encoders read the new passages, and nothing is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from jsarag import KnowledgeBase, Run, build_index, export
from jsarag.cli.main import main
from jsarag.files import write_jsonl
from jsarag.models import EncoderConfig, load_encoder
from jsarag.types import InputError
from tests import world

NEW = [
    {"id": f"new/{i}", "title": "key", "text": f"the red key is in the harbour of {name}"}
    for i, name in enumerate(["Ada", "Bo", "Cy", "Di", "Ed", "Flo"])
]
QUESTION = "where is the red key ?"


@pytest.fixture(scope="module", params=["frozen", "shared"])
def run(
    request: pytest.FixtureRequest,
    data: Path,
    encoder_model: Path,
    causal_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Finished runs: the passages read by the encoder as it was, or by the trained prior."""
    out = tmp_path_factory.mktemp("moved") / "run"
    options = [*world.options(data, encoder_model, causal_model, out), "--passages.encoder", request.param]
    options += ["--loop.steps", "2", "--loop.keep", "last", "--optim.lr_prior", "0.01"]
    assert main(["train", *options, "--evaluation.before", "false", "--evaluation.closed_book", "false"]) == 0
    return out


def vectors(run: Run) -> torch.Tensor:
    """The new passages as the encoder reads them that made the run's own vectors."""
    model = str(run.places[0].folder / "prior") if run.config.passages.learns else run.config.encoder.model
    return KnowledgeBase.build(NEW, load_encoder(replace(run.config.encoder, model=model))).vectors


def test_the_encoders_of_the_run_read_the_new_passages(run: Path, tmp_path: Path) -> None:
    loaded = Run.load(run, weights="last")
    moved = loaded.with_passages(NEW)
    torch.testing.assert_close(moved.pipeline.kb.vectors, vectors(loaded))
    assert {h.passage.id for h in moved.ask(QUESTION).passages} <= {row["id"] for row in NEW}
    assert moved.pipeline.prior is loaded.pipeline.prior
    assert loaded.ask(QUESTION).passages[0].passage.id != moved.ask(QUESTION).passages[0].passage.id
    # The same from a file, from an index folder, and from an export of the run.
    write_jsonl(tmp_path / "kb.jsonl", NEW)
    moved.pipeline.kb.save(tmp_path / "index")
    exported = Run.load(export(run, tmp_path / "exported", weights="last"))
    for other in (
        loaded.with_passages(tmp_path / "kb.jsonl"),
        loaded.with_passages(tmp_path / "index"),
        exported.with_passages(tmp_path / "kb.jsonl"),
    ):
        assert other.ask(QUESTION).text == moved.ask(QUESTION).text
        torch.testing.assert_close(other.pipeline.kb.vectors, moved.pipeline.kb.vectors)


def test_an_index_of_another_encoder_is_refused(run: Path, tmp_path: Path, encoder_model: Path) -> None:
    write_jsonl(tmp_path / "kb.jsonl", NEW)
    build_index(tmp_path / "kb.jsonl", tmp_path / "index", encoder=EncoderConfig(str(encoder_model), passage="{text}"))
    with pytest.raises(InputError, match=r"index: made by another encoder or other encoder settings"):
        Run.load(run, weights="last").with_passages(tmp_path / "index")


def test_commands_take_other_passages(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_jsonl(tmp_path / "kb.jsonl", NEW)
    write_jsonl(tmp_path / "pairs.jsonl", [{"id": "1", "input": QUESTION, "outputs": ["harbour"], "gold": ["new/0"]}])
    capsys.readouterr()
    assert main(["ask", QUESTION, "--run", str(run), "--kb", str(tmp_path / "kb.jsonl"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert {h["passage"]["id"] for h in answer["passages"]} <= {row["id"] for row in NEW}
    measured = ["evaluate", "--run", str(run), "--kb", str(tmp_path / "kb.jsonl")]
    figures = tmp_path / "figures.json"
    assert main([*measured, "--data", str(tmp_path / "pairs.jsonl"), "--json", str(figures)]) == 0
    assert "hit@1" in json.loads(figures.read_text())["prior"]
    write_jsonl(tmp_path / "kb.jsonl", NEW[:1])
    capsys.readouterr()
    assert main(["ask", QUESTION, "--run", str(run), "--kb", str(tmp_path / "kb.jsonl")]) == 2
    assert "expected at most the 1 passages of the knowledge base" in capsys.readouterr().err


def test_documents_are_added_to_the_knowledge_base_of_a_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new document is found and cited with its file; only new passages are encoded; the run stays as it is."""
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "keys.md").write_text("# Key\n\nThe green key is in the tower of Zed.\n", encoding="utf-8")
    assert main(["ingest", str(docs), "--run", str(run), "--out", "kb"]) == 0
    out, err = capsys.readouterr()
    own = len(Run.load(run).pipeline.kb)
    assert f"{own + 1:,} passages (1 new)" in err
    assert out.endswith(f"next: jsarag ask --run {run} --kb kb/index\n")
    asked = "Key. The green key is in the tower of Zed."  # as the encoder reads the passage
    assert main(["ask", asked, "--run", str(run), "--kb", "kb/index", "--json"]) == 0
    found = [one["passage"] for one in json.loads(capsys.readouterr().out)["passages"]]
    cited = [(one["source"], one["text"]) for one in found if "source" in one]
    assert cited == [("keys.md", "The green key is in the tower of Zed.")]

    (docs / "keys.md").write_text("# Key\n\nThe green key is in the cellar.\n", encoding="utf-8")
    (docs / "lamp.txt").write_text("The old lamp is in the cellar of Zed.\n", encoding="utf-8")
    assert main(["ingest", str(docs), "--run", str(run), "--out", "kb"]) == 0
    assert f"{own + 2:,} passages (2 new)" in capsys.readouterr().err
    texts = [h.text for h in KnowledgeBase.load("kb/index").passages if h.source]
    assert texts == ["The green key is in the cellar.", "The old lamp is in the cellar of Zed."]
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before

    assert main(["ingest", str(docs), "--run", str(run), "--out", str(run / "kb")]) == 2
    assert "cannot be written: lies in" in capsys.readouterr().err
    assert main(["ingest", str(docs), "--run", str(run), "--encoder.model", "other"]) == 2
    assert "--encoder: expected not with --run" in capsys.readouterr().err
    assert main(["ingest", str(docs)]) == 2
    assert "--out: expected a folder to write" in capsys.readouterr().err


def test_training_goes_on_with_other_passages(run: Path, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "kb.jsonl", NEW)
    pairs = [{"id": str(i), "input": QUESTION, "outputs": ["harbour"]} for i in range(8)]
    write_jsonl(tmp_path / "pairs.jsonl", pairs)
    out, files = tmp_path / "again", {"passages": "kb.jsonl", "train": "pairs.jsonl"}
    named = [word for name, file in files.items() for word in (f"--data.{name}", str(tmp_path / file))]
    options = ["--from", str(run), *named, "--out", str(out), "--loop.steps", "1"]
    assert main(["train", *options, "--evaluation.before", "false"]) == 0
    assert Run.load(out).config.data.dev is None  # the gold passages of the other run's pairs are gone
    assert [h.id for h in Run.load(out).pipeline.kb.passages] == [row["id"] for row in NEW]
    torch.testing.assert_close(KnowledgeBase.load(out / "index").vectors, vectors(Run.load(run, weights="last")))
