"""Files that cannot be read cost one line each, in plain words, and nothing else."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import socket
import zipfile
from pathlib import Path

import pytest

from jsarag.documents.ingest import IngestConfig, Report, ingest
from jsarag.documents.measure import Measure
from jsarag.documents.reading import MEMORY
from tests.test_documents import made

PAGE = [(11, 700, "Some words on a page.")]
PDF = made.pdf([PAGE])
DOCX = made.docx(made.paragraph("Some words."))
GOOD = "The ferry leaves at noon."


def bomb(*names: str) -> bytes:
    """A zip file that says that it unpacks to more than any document."""
    data = bytearray(made.archive(dict.fromkeys(names, b"words")))
    place = data.rindex(b"PK\x01\x02") + 24
    data[place : place + 4] = (3 << 30).to_bytes(4, "little")
    return bytes(data)


def encrypted_zip() -> bytes:
    """A zip file whose one entry is marked as encrypted."""
    data = bytearray(made.archive({"a.txt": b"words"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    return bytes(data)


def method() -> bytes:
    """A zip file that is packed in a way that nobody knows."""
    data = bytearray(made.archive({"a.txt": b"words"}))
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(mark) + place] = 77
    return bytes(data)


def crc_broken() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        packed.writestr("a.txt", b"words of a kind")
    return held.getvalue().replace(b"words of a kind", b"words of a bind")


def damaged_docx() -> bytes:
    return made.archive({"[Content_Types].xml": b"", "word/document.xml": b"<w:document><w:body>"})


def laughs() -> bytes:
    """Entities that stand for a billion words."""
    entities = '<!ENTITY a0 "laugh">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    return f"<?xml version='1.0'?><!DOCTYPE w [{entities}]><w>&a9;</w>".encode()


def nested_zip(depth: int) -> bytes:
    data = made.archive({"a.txt": GOOD.encode()})
    for i in range(depth):
        data = made.archive({f"{i}.zip": data})
    return data


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
LONG = 33 << 20

BROKEN: dict[str, tuple[bytes, str]] = {
    "empty.txt": (b"", "empty"),
    "empty.pdf": (b"", "empty"),
    "packed.txt": (gzip.compress(b"words" * 99), "a gzip file; unpack it"),
    "method.zip": (method(), "damaged within its archive"),
    "letter.odt": (made.archive({"mimetype": b"application/vnd.oasis.opendocument.text"}), "an OpenDocument"),
    "blank.md": (b" \n\t\r\n ", "empty"),
    "zeros.txt": (bytes(10_000), "empty"),
    "marks.txt": (b"--- *** ---\n\n+++", "no text in it"),
    "headings.md": (b"# One\n\n## Two\n", "no text in it"),
    "script.html": (b"<html><head><script>var words = 1;</script></head><body></body></html>", "no text in it"),
    "password.pdf": (made.pdf([PAGE], encrypted=True), "needs a password"),
    "password.docx": (OLE + "EncryptedPackage".encode("utf-16-le"), "needs a password"),
    "password.zip": (encrypted_zip(), "needs a password"),
    "scan.pdf": (made.pdf([[], []]), "its pages are pictures"),
    "cut.pdf": (PDF[:80], "damaged: no PDF"),
    "header.pdf": (b"%PDF-1.7\n", "damaged: no PDF"),
    "page.pdf": (b"not a pdf at all", "not a PDF, or damaged: it holds text"),
    "picture.pdf": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not a PDF, or damaged: it holds a PNG image"),
    "picture.md": (b"\xff\xd8\xff\xe0" + bytes(range(256)), "holds a JPEG image"),
    "program.txt": (b"\x7fELF" + os.urandom(4000), "holds a program"),
    "noise.txt": (bytes(range(256)) * 40, "no text"),
    "cut.docx": (DOCX[:-200], "a zip file .* that is not whole"),
    "cut.pptx": (made.archive({"a": b"b" * 2000})[:60], "a zip file .* that is not whole"),
    "damaged.docx": (damaged_docx(), "damaged: a Word document that cannot be read"),
    "laughs.docx": (made.archive({"word/document.xml": laughs()}), "damaged: a Word document"),
    "parts.pptx": (made.archive({"ppt/presentation.xml": b"<p/>"}), "damaged: a PowerPoint file"),
    "text.docx": (b"plain text", "not a Word document, or damaged: it holds text"),
    "old.doc": (OLE, "a document of Office 97 to 2003"),
    "old.ppt": (OLE, "a document of Office 97 to 2003"),
    "rich.docx": (b"{\\rtf1 words}", "an RTF document"),
    "book.docx": (made.archive({"mimetype": b"application/epub+zip", "a.html": b"<p>"}), "e-book"),
    "bomb.docx": (bomb("word/document.xml", "a.xml"), "zip bomb"),
    "bomb.zip": (bomb("a.txt"), "zip bomb"),
    "cut.zip": (made.archive({"a.txt": b"words" * 100})[:-30], "not a zip file, or damaged"),
    "text.zip": (b"words", "not a zip file, or damaged"),
    "crc.zip": (crc_broken(), "damaged within its archive"),
    "deep.zip": (nested_zip(4), "more than 3 archives within each other"),
    "upwards.zip": (made.archive({"../../a.txt": GOOD.encode()}), "its name leads out of the archive"),
    "table.jsonl": (b'{"text": "a"}\n{"text": ', "line 2: not valid JSON"),
    "columns.jsonl": (b'{"price": 1, "colour": "red"}\n', "it has price, colour$"),
    "log.csv": (b"question,answer,document\nWhen?,At noon.,a.md\n", "questions with answers, no passages"),
    "cut.csv.gz": (gzip.compress(b"id,text\n1,words\n" * 500)[:-20], "not a whole gzip file"),
    "cut.parquet": (b"PAR1" + bytes(100), "Parquet|parquet"),
    "sheet.xlsx": (b"words", "not what .xlsx says"),
    "line.txt": (b"word " * (LONG // 5), "too large: 35 MB of text"),
    "line.jsonl": (b'{"text": "' + b"w" * 1000, "not valid JSON"),
    "pointer.pdf": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
}
SPECIAL = {
    "pipe.txt": "a pipe, not a file",
    "socket.txt": "a socket, not a file",
    "nowhere.txt": "a link that leads nowhere",
    "loop.txt": "a link that leads nowhere",
    "up": "a link to a folder",
}
INSIDE = {"password.zip": "/a.txt", "method.zip": "/a.txt", "crc.zip": "/a.txt", "deep.zip": "/3.zip/2.zip/1.zip/0.zip"}
"""Of files in an archive the name in it follows."""
INSIDE |= {"deep.zip": "/3.zip/2.zip/1.zip", "upwards.zip": "/../../a.txt"}
NESTED = {
    "deep.html": b"<div>" * 200_000 + b"inner words" + b"</div>" * 200_000,
    "deep.md": b"> " * 50_000 + b"inner words",
    "list.md": b"- " * 50_000 + b"inner words",
    "brackets.md": b"[" * 20_000 + b"inner words",
    "deep.rst": b"\n".join(b" " * i + b"* inner words" for i in range(0, 1200, 2)),
    "tags.html": b"<p><b><i>inner words" * 2_000,
    "deep.json": b"[" * 100_000,
}
"""What is nested endlessly: it may be read or not, but quickly, and is one line at most."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, measure: Measure) -> Report:
    """All of them in one folder with one good file."""
    folder = tmp_path_factory.mktemp("broken")
    docs = folder / "docs"
    docs.mkdir()
    for name, data in {**{name: data for name, (data, _) in BROKEN.items()}, **NESTED}.items():
        (docs / name).write_bytes(data)
    (docs / "good.txt").write_text(GOOD, encoding="utf-8")
    os.mkfifo(docs / "pipe.txt")
    here = Path.cwd()
    os.chdir(docs)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as made_socket:
        made_socket.bind("socket.txt")
    os.chdir(here)
    (docs / "nowhere.txt").symlink_to("not-there.txt")
    (docs / "loop.txt").symlink_to("loop.txt")
    (docs / "up").symlink_to(docs.parent)
    report = ingest([docs], folder / "kb", measure, IngestConfig(seconds=60))
    rows = [json.loads(line) for line in (folder / "kb" / "errors.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["path"]: row["reason"] for row in rows} == report.errors
    assert [row["path"] for row in rows] == sorted(report.errors)
    passages = [
        json.loads(line) for line in (folder / "kb" / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [row["text"] for row in passages if row["source"] == "good.txt"] == [GOOD]
    assert {row["source"] for row in passages} <= {"good.txt", *NESTED}
    return report


def test_how_many() -> None:
    assert len(BROKEN) >= 40


@pytest.mark.parametrize("name", [*BROKEN, *SPECIAL])
def test_one_line(name: str, report: Report) -> None:
    expected = SPECIAL.get(name) or BROKEN[name][1]
    mine = {path: reason for path, reason in report.errors.items() if path.split("/")[0] == name}
    assert list(mine) == [name + INSIDE.get(name, "")]
    reason = mine[name + INSIDE.get(name, "")]
    assert re.search(expected, reason), reason
    assert "\n" not in reason
    assert len(reason) < 300


def test_nothing_else(report: Report) -> None:
    assert {path.split("/")[0] for path in report.errors} - set(NESTED) == {*BROKEN, *SPECIAL}


@pytest.mark.parametrize("name", NESTED)
def test_nested_endlessly(name: str, report: Report) -> None:
    assert "takes longer" not in report.errors.get(name, "")
    assert "crashed" not in report.errors.get(name, "")


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("while True: pass", "takes longer than 1 s"),
        ("import os; os.abort()", r"its parser crashed \(SIGABRT\)"),
        ("import ctypes; ctypes.string_at(0)", r"its parser crashed \(SIGSEGV\)"),
        ("print('{}'); raise KeyError('x')", r"damaged: Markdown that cannot be read \('x'\)"),
        (f"bytearray({MEMORY})", "needs more than 4 GB of memory"),
        ("def f(): f()\n    f()", "nested too deeply"),
    ],
)
def test_parser_that_fails(
    does: str, reason: str, tmp_path: Path, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real process: the parser of Markdown is replaced in it by the module that stands first on its path."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "bad.md").write_text("words", encoding="utf-8")
    (tmp_path / "docs" / "good.txt").write_text(GOOD, encoding="utf-8")
    (tmp_path / "markdown_it.py").write_text(f"def MarkdownIt(*_):\n    {does}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    report = ingest(
        [tmp_path / "docs"], tmp_path / "kb", measure, IngestConfig(seconds=1 if "True" in does else 60, workers=1)
    )
    assert list(report.errors) == ["bad.md"]
    assert re.fullmatch(reason, report.errors["bad.md"])
    assert report.passages == 1
