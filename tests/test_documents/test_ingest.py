"""A folder of documents as a knowledge base, made, changed, killed, indexed and read by the commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import jsarag
from jsarag.cli.main import main
from jsarag.data import load_passages
from jsarag.documents import Raw, read_document
from jsarag.documents.ingest import IngestConfig, Report, ingest
from jsarag.documents.measure import Measure
from jsarag.models import SentenceEncoder, load_encoder
from jsarag.types import InputError
from tests.test_documents import made
from tests.test_documents.test_formats import CASES

Row = dict[str, Any]
ONE: dict[str, Any] = {"workers": 1}


def rows(kb: Path, name: str = "passages.jsonl") -> list[Row]:
    return [json.loads(line) for line in (kb / name).read_text(encoding="utf-8").splitlines()]


def everything(kb: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in kb.iterdir()}


def page(name: str, count: int = 4) -> str:
    """Markdown of some sections, each longer than half a passage."""
    sections = (f"## Part {i} of {name}\n\n" + f"{name} tells {i} things about boats. " * 5 for i in range(count))
    return f"# The {name}\n\n" + "\n\n".join(sections)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "in").mkdir(parents=True)
    for name in ("harbour", "tower", "in/keeper"):
        (folder / f"{name}.md").write_text(page(Path(name).name), encoding="utf-8")
    return folder


@pytest.fixture
def run(docs: Path, tmp_path: Path, measure: Measure) -> Callable[..., Report]:
    def made_of(out: str = "kb", **settings: Any) -> Report:
        return ingest([docs], tmp_path / out, measure, IngestConfig(**ONE | settings))

    return made_of


def test_every_format(tmp_path: Path, measure: Measure) -> None:
    """Each passage is in its place in the text of its file, as `read_document` gives it."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for name, data, *_ in CASES.values():
        (docs / name).write_bytes(data)
    (docs / "rows.csv").write_text("id,title,text\n7,Boats,They leave at noon.\n", encoding="utf-8")
    (docs / "more.zip").write_bytes(made.archive({"in/b.txt": b"Dogs are welcome."}))
    report = ingest([docs], tmp_path / "kb", measure, IngestConfig(keep_duplicates=True))
    assert not report.errors
    found = rows(tmp_path / "kb")
    assert {row["source"] for row in found} == {*(case[0] for case in CASES.values()), "rows.csv", "more.zip/in/b.txt"}
    for row in found:
        if row["source"] == "rows.csv":
            assert (row["title"], row["text"]) == ("Boats", "They leave at noon.")
            assert (row["start"], row["end"]) == (2, 3)
        elif row["source"] != "more.zip/in/b.txt":
            text = read_document(Raw(row["source"], (docs / row["source"]).read_bytes())).text
            assert text[row["start"] : row["end"]] == row["text"]
    pages = [(row["title"], row["page"]) for row in found if row["source"] == "a.pdf"]
    assert pages == [("Deposits", 1), ("Deposits > Fees", 2)]
    assert [row["title"] for row in found if row["source"] == "a.pptx"] == ["Ferries", "Ferries > Fares"]
    assert [row["title"] for row in found if row["source"].endswith("b.txt")] == ["b"]


def test_a_table_of_other_columns_is_told(
    docs: Path, tmp_path: Path, encoder_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whenever it is ingested, also where it did not change."""
    (docs / "price-list.csv").write_text("name;price\nCable;3.50\nRope;4\n", encoding="utf-8")
    for done in ("4 new", "4 unchanged"):
        assert main(["ingest", str(docs), "--out", str(tmp_path / "kb"), "--encoder.model", str(encoder_model)]) == 0
        said = capsys.readouterr().out
        assert f"files: 4 read ({done})\n  price-list.csv: a passage a row, of the columns name, price\n" in said
    found = [row for row in rows(tmp_path / "kb") if row["source"] == "price-list.csv"]
    assert [(row["title"], row["text"], row["start"]) for row in found] == [
        ("price list", "name: Cable\nprice: 3.50", 2),
        ("price list", "name: Rope\nprice: 4", 3),
    ]


def test_same_input_gives_same_bytes(run: Callable[..., Report], tmp_path: Path) -> None:
    run("kb")
    run("other", workers=2)
    assert everything(tmp_path / "kb") == everything(tmp_path / "other")
    report = run("kb")
    assert (len(report.same), report.new_passages, report.gone_passages) == (3, 0, 0)
    assert everything(tmp_path / "kb") == everything(tmp_path / "other")


def test_only_what_changed_moves(run: Callable[..., Report], docs: Path, tmp_path: Path) -> None:
    """One section changed, one file added, one removed; the result is that of a fresh run, byte for byte."""
    run()
    before = {row["id"]: row for row in rows(tmp_path / "kb")}
    harbour = docs / "harbour.md"
    harbour.write_text(
        harbour.read_text(encoding="utf-8").replace("harbour tells 1 ", "harbour hides 1 "), encoding="utf-8"
    )
    (docs / "tower.md").unlink()
    (docs / "bell.md").write_text(page("bell"), encoding="utf-8")
    report = run()
    assert (report.new, report.changed, report.same, report.gone) == (
        ["bell.md"],
        ["harbour.md"],
        ["in/keeper.md"],
        ["tower.md"],
    )
    after = {row["id"]: row for row in rows(tmp_path / "kb")}
    new, gone = after.keys() - before.keys(), before.keys() - after.keys()
    assert (len(new), len(gone)) == (report.new_passages, report.gone_passages)
    changed = [after[i] for i in new if after[i]["source"] == "harbour.md"]
    assert {row["title"] for row in changed} == {"The harbour > Part 1 of harbour"}
    assert {before[i]["source"] for i in gone if before[i]["title"] not in {row["title"] for row in changed}} == {
        "tower.md"
    }
    assert all(after[i]["text"] == before[i]["text"] for i in after.keys() & before.keys())
    run("fresh")
    assert everything(tmp_path / "kb") == everything(tmp_path / "fresh")


def test_unchanged_files_are_not_read(run: Callable[..., Report], docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser is taken away: what did not change needs none."""
    run()
    (docs / "markdown_it.py").write_text("raise RuntimeError('asked')", encoding="utf-8")
    monkeypatch.syspath_prepend(docs)
    assert not run().errors
    (docs / "tower.md").write_text("words", encoding="utf-8")
    report = run()
    assert list(report.errors) == ["tower.md"]
    assert report.gone == ["tower.md"]


HOSTILE = (b"caf\xe9.md", "\uff5a[/b].md".encode(), b"x\x1b[2J.md", b"line\nend.md", "\u202egnp.md".encode())


def test_hostile_names(
    docs: Path,
    tmp_path: Path,
    encoder_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They steer no terminal, break no bar and no file; the bars are those of a terminal."""
    for i, name in enumerate(HOSTILE):
        path = Path(os.fsdecode(os.fsencode(docs) + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# Boat\n\nThe boat {i} leaves.", encoding="utf-8")
        path.with_suffix(".txt").write_bytes(b"")
    monkeypatch.setenv("FORCE_COLOR", "1")
    arguments = ["ingest", str(docs), "--out", str(tmp_path / "kb"), "--encoder.model", str(encoder_model)]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert "\x1b[2J" not in said.out + said.err
    assert "\u202e" not in said.out + said.err
    assert {row["source"] for row in rows(tmp_path / "kb")} > {
        "caf\ufffd.md",
        "\uff5a[/b].md",
        "x\x1b[2J.md",
        "line\nend.md",
    }
    assert len(rows(tmp_path / "kb", "errors.jsonl")) == len(HOSTILE)
    assert main(arguments) == 0
    assert "8 unchanged" in capsys.readouterr().out


def test_no_module_comes_from_the_documents(
    run: Callable[..., Report], docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the command runs in their folder: what lies there is read, and never run."""
    for name in ("markdown_it", "lxml", "json"):
        (docs / f"{name}.py").write_text("raise SystemExit('run')", encoding="utf-8")
    monkeypatch.chdir(docs)
    report = run()
    assert not report.errors
    assert report.others == {".py": 3}


def test_duplicates(run: Callable[..., Report], docs: Path, tmp_path: Path) -> None:
    """A copy is left out, and comes back when the first one goes."""
    (docs / "copy.md").write_text((docs / "tower.md").read_text(encoding="utf-8"), encoding="utf-8")
    report = run()
    dropped = rows(tmp_path / "kb", "duplicates.jsonl")
    assert {row["source"] for row in dropped} == {"tower.md"}
    assert report.exact == len(dropped) > 0
    kept = {row["id"]: row for row in rows(tmp_path / "kb")}
    assert all(kept[row["duplicate_of"]]["text"] == row["text"] for row in dropped)
    run("all", keep_duplicates=True)
    assert len({row["id"] for row in rows(tmp_path / "all")}) == len(kept) + len(dropped)
    (docs / "copy.md").unlink()
    assert run().exact == 0
    run("fresh")
    assert everything(tmp_path / "kb") == everything(tmp_path / "fresh")


def test_equal_passages_of_a_file_have_ids_of_their_own(tmp_path: Path, measure: Measure) -> None:
    text = "# A\n\n## Again\n\nSame words.\n\n## Again\n\nSame words.\n\n## Again\n\nSame words.\n"
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    ingest([tmp_path / "a.md"], tmp_path / "kb", measure, IngestConfig(keep_duplicates=True))
    ids = [row["id"] for row in rows(tmp_path / "kb")]
    assert ids == [ids[0], f"{ids[0]}-2", f"{ids[0]}-3"]


def test_other_tokens_read_all_again(
    run: Callable[..., Report], tmp_path: Path, docs: Path, encoder_model: Path
) -> None:
    run()
    small = Measure.of(load_encoder(str(encoder_model)), 32)
    report = ingest([docs], tmp_path / "kb", small, IngestConfig(**ONE))
    assert len(report.changed) == 3
    ingest([docs], tmp_path / "fresh", small, IngestConfig(**ONE))
    assert everything(tmp_path / "kb") == everything(tmp_path / "fresh")


def test_a_folder_that_was_edited_is_made_anew(run: Callable[..., Report], tmp_path: Path) -> None:
    run()
    first = everything(tmp_path / "kb")
    with (tmp_path / "kb" / "passages.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "x", "text": "mine"}\n')
    with pytest.raises(InputError, match="damaged or exchanged"):
        load_passages(tmp_path / "kb")
    assert len(run().changed) == 3
    assert everything(tmp_path / "kb") == first


def test_add_keeps_other_files(run: Callable[..., Report], tmp_path: Path, measure: Measure) -> None:
    run()
    before = everything(tmp_path / "kb")
    (tmp_path / "news.txt").write_text("The ferry leaves at noon.", encoding="utf-8")
    news = [tmp_path / "news.txt"]
    with pytest.raises(InputError, match=r"none of its 3 files is among those named now .*; keep them with --add true"):
        ingest(news, tmp_path / "kb", measure, IngestConfig(**ONE))
    assert everything(tmp_path / "kb") == before
    other = replace(measure, limit=32)
    with pytest.raises(InputError, match="made with other settings; name all its files"):
        ingest(news, tmp_path / "kb", other, IngestConfig(add=True, **ONE))
    assert everything(tmp_path / "kb") == before
    report = ingest(news, tmp_path / "kb", measure, IngestConfig(add=True, **ONE))
    assert (report.new, report.gone, report.new_passages, report.gone_passages) == (["news.txt"], [], 1, 0)
    assert len(rows(tmp_path / "kb")) == len(before["passages.jsonl"].splitlines()) + 1


def test_folder_of_others_is_refused(docs: Path, tmp_path: Path, measure: Measure) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"not a folder made by `jsarag ingest` \(it holds notes.txt\)"):
        ingest([docs], tmp_path / "kb", measure)
    for out in (docs / "kb", tmp_path, docs):
        with pytest.raises(InputError, match="cannot be written"):
            ingest([docs], out, measure)
    assert sorted(path.name for path in docs.iterdir()) == ["harbour.md", "in", "tower.md"]


def _open_after(process: subprocess.Popen[bytes], pipe: Path) -> None:
    """Let whoever reads from a pipe find its end once a process is gone."""
    process.wait()
    os.close(os.open(pipe, os.O_RDWR))


def test_a_kill_leaves_the_old_folder(run: Callable[..., Report], docs: Path, tmp_path: Path, measure: Measure) -> None:
    """A process is killed while a parser hangs; no worker outlives it for long, and the next run goes on."""
    run()
    before = everything(tmp_path / "kb")
    (docs / "tower.md").write_text("other words", encoding="utf-8")
    hang = tmp_path / "hang"
    hang.mkdir()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (hang / "markdown_it.py").write_text(
        f"import os, time\nopen({str(pipe)!r}, 'w').write(str(os.getpid()))\ntime.sleep(1000)", encoding="utf-8"
    )
    script = (
        "import json, sys; from jsarag.documents.ingest import *; docs, out, measure = sys.argv[1:]; "
        "ingest([docs], out, Measure(**json.loads(measure)), IngestConfig(workers=1, seconds=20))"
    )
    command = [sys.executable, "-c", script, str(docs), str(tmp_path / "kb"), json.dumps(asdict(measure))]
    path = os.pathsep.join([str(hang), *sys.path])
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}) as process:
        Thread(target=_open_after, args=(process, pipe), daemon=True).start()
        worker = int(pipe.read_text(encoding="ascii"))  # until a worker hangs, or the process ends without one
        process.kill()
    os.kill(worker, signal.SIGKILL)
    assert everything(tmp_path / "kb") == before
    assert run().changed == ["tower.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "hang", "kb", "pipe"]


def test_nothing_to_read(tmp_path: Path, encoder_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(made.pdf([[]]))
    (tmp_path / "docs" / "b.png").write_bytes(b"")
    arguments = [str(tmp_path / "docs"), "--out", str(tmp_path / "kb"), "--encoder.model", str(encoder_model)]
    assert main(["ingest", *arguments]) == 2
    out, err = capsys.readouterr()
    assert err.splitlines()[-1] == f"jsarag: {tmp_path / 'docs'}: nothing to read was found; nothing is written"
    assert out.splitlines() == [
        "of other formats: 1 .png",
        "not read: 1 file",
        "  a.pdf: no text in it: its pages are pictures (a scan?); recognise the text first (OCR)",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["docs"]


def test_command(docs: Path, tmp_path: Path, encoder_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also what it says to a pipe: progress with the time left."""
    (docs / "locked.pdf").write_bytes(made.pdf([[]], encrypted=True))
    kb = tmp_path / "kb"
    arguments = ["ingest", str(docs), "--out", str(kb), "--encoder.model", str(encoder_model), "--tokens", "40"]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"{kb}: {len(rows(kb))} passages of at most 40 tokens ({len(rows(kb))} added, 0 removed)",
        "files: 3 read (3 new)",
        f"not read: 1 file ({kb / 'errors.jsonl'})",
        "  locked.pdf: needs a password",
    ]
    assert "reading 4/4" in said.err
    assert "ETA" in said.err
    (docs / "tower.md").unlink()
    assert main(arguments) == 0
    assert "files: 2 read (2 unchanged, 1 removed)" in capsys.readouterr().out
    assert main(["check", str(kb)]) == 0
    assert len(load_passages(kb)) == len(rows(kb))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (["--tokens", "65"], "--tokens: expected 16 to the 64 that"),
        (["--seconds", "0"], "seconds: expected a number above 0"),
        (["--workers", "0"], "workers: expected a number above 0"),
    ],
)
def test_bad_options(
    argument: list[str], message: str, docs: Path, encoder_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ingest", str(docs), "--out", str(docs.parent / "kb"), "--encoder.model", str(encoder_model)]
    assert main([*arguments, *argument]) == 2
    assert message in capsys.readouterr().err


def test_missing_packages(docs: Path, tmp_path: Path, measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jsarag.documents.ingest.find_spec", lambda name: None if name == "pptx" else name)
    with pytest.raises(
        InputError, match=r'^reading documents needs more packages \(pptx ...\): pip install "jsarag\[doc'
    ):
        ingest([docs], tmp_path / "kb", measure)


def test_index_encodes_only_what_is_new(
    run: Callable[..., Report],
    docs: Path,
    tmp_path: Path,
    encoder_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The index equals a fresh one; the encoder reads the new passages alone."""
    run()
    encoder = jsarag.EncoderConfig(str(encoder_model))
    jsarag.build_index(tmp_path / "kb", tmp_path / "index", encoder=encoder)
    (docs / "bell.md").write_text(page("bell"), encoding="utf-8")
    (docs / "tower.md").unlink()
    run()
    told: list[str] = []
    embed = SentenceEncoder.embed_passages

    def told_of(self: SentenceEncoder, passages: Any, **more: Any) -> torch.Tensor:
        told.extend(passage.source for passage in passages)
        return embed(self, passages, **more)

    monkeypatch.setattr(SentenceEncoder, "embed_passages", told_of)
    arguments = ["--passages", str(tmp_path / "kb"), "--out", str(tmp_path / "index")]
    assert main(["index", *arguments, "--encoder.model", str(encoder_model)]) == 0
    assert set(told) == {"bell.md"}
    assert "12 passages (4 new)" in capsys.readouterr().err
    updated = jsarag.KnowledgeBase.load(tmp_path / "index")
    fresh = jsarag.build_index(tmp_path / "kb", tmp_path / "fresh", encoder=encoder)
    assert updated.passages == fresh.passages
    assert_close(updated.vectors, fresh.vectors)
    queries = fresh.vectors[:5]
    assert torch.equal(updated.search(queries, 3)[1], fresh.search(queries, 3)[1])
    (docs / "bell.md").unlink()
    run()
    told.clear()
    assert jsarag.build_index(tmp_path / "kb", tmp_path / "index", encoder=encoder).vectors.shape[0] == len(
        rows(tmp_path / "kb")
    )
    assert not told
    other = jsarag.EncoderConfig(str(encoder_model), passage="{text}")
    jsarag.build_index(tmp_path / "kb", tmp_path / "index", encoder=other)
    assert set(told) == {row["source"] for row in rows(tmp_path / "kb")}


def test_known_vectors_of_another_encoder_are_refused(encoder_model: Path) -> None:
    first, other = (
        load_encoder(jsarag.EncoderConfig(str(encoder_model), passage=p)) for p in ("{title}. {text}", "{text}")
    )
    known = jsarag.KnowledgeBase.build([{"text": "red lamp"}], first)
    with pytest.raises(InputError, match=r"^known: made by another encoder"):
        jsarag.KnowledgeBase.build([{"text": "red lamp"}], other, known=known)
