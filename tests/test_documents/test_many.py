"""Many files of all formats: how long they take, and that memory does not grow with them."""

from __future__ import annotations

import json
import random
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

import psutil
import pytest

from jsarag.display import Advance
from jsarag.documents.ingest import IngestConfig, ingest
from jsarag.documents.measure import Measure
from jsarag.kb import SAMPLE
from tests.test_documents import made

Section = tuple[str, str]
LINES = 50
"""Of a page of the PDF files."""


def sections() -> list[Section]:
    """Titles and texts of the sample, which people wrote."""
    rows = [json.loads(line) for line in (SAMPLE / "passages.jsonl").read_text(encoding="utf-8").splitlines()]
    return [(row["title"], row["text"]) for row in rows]


def pdf(title: str, parts: list[Section]) -> bytes:
    lines = [(12.0, line) for head, text in parts for line in (head, *textwrap.wrap(text, 90))]
    pages = [lines[i : i + LINES] for i in range(0, len(lines), LINES)]
    return made.pdf(
        [
            [
                (9, 770, title),
                *((size, 750 - 14 * i, text) for i, (size, text) in enumerate(page)),
                (9, 30, f"Page {n}"),
            ]
            for n, page in enumerate(pages, start=1)
        ]
    )


def docx(title: str, parts: list[Section]) -> bytes:
    body = "".join(made.paragraph(escape(h), "heading1") + made.paragraph(escape(text)) for h, text in parts)
    return made.docx(made.paragraph(escape(title), "Title") + body)


def html(title: str, parts: list[Section]) -> bytes:
    body = "".join(f"<h2>{escape(head)}</h2><p>{escape(text)}</p>" for head, text in parts)
    bar = "<nav><a href='/'>Home page of it all</a></nav>"
    return f"<html><head><title>{title}</title></head><body>{bar}<h1>{title}</h1>{body}</body></html>".encode()


def markdown(title: str, parts: list[Section]) -> bytes:
    return "\n\n".join([f"# {title}", *(f"## {head}\n\n{text}" for head, text in parts)]).encode()


def rst(title: str, parts: list[Section]) -> bytes:
    return "\n\n".join(
        f"{h}\n{m * len(h)}\n\n{t}" for m, (h, t) in zip("=" + "-" * len(parts), [(title, ""), *parts], strict=True)
    ).encode()


def text(title: str, parts: list[Section]) -> bytes:
    return "\n\n".join([title, *(f"{head}\n{body}" for head, body in parts)]).encode("cp1252", "replace")


def table(title: str, parts: list[Section]) -> bytes:
    return "".join(json.dumps({"title": f"{title} {head}", "text": body}) + "\n" for head, body in parts).encode()


def pptx(title: str, parts: list[Section]) -> bytes:
    return made.pptx()


MAKERS = {"pdf": pdf, "docx": docx, "html": html, "md": markdown, "rst": rst, "txt": text, "jsonl": table, "pptx": pptx}


def write(folder: Path, files: int, length: int) -> None:
    """Files of all formats in turn, of so many sections each, and no two alike."""
    draw, known = random.Random(0), sections()
    folder.mkdir()
    for i in range(files):
        kind = list(MAKERS)[i % len(MAKERS)]
        parts = [(f"{head} {i}", f"{body} ({i})") for head, body in draw.sample(known, length)]
        (folder / f"{i}.{kind}").write_bytes(MAKERS[kind](f"Report {i}", parts))


class Watch:
    """A display that notes the memory of this process and of its workers when each tenth of the files is done."""

    def __init__(self) -> None:
        self.memory: list[int] = []

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """Look at the processes now and then."""
        count = 0

        def advance(more: int, state: str) -> None:
            nonlocal count
            count += more
            if count * 10 // total > (count - more) * 10 // total:
                here = psutil.Process()
                self.memory.append(sum(one.memory_info().rss for one in (here, *here.children())))

        yield advance

    def say(self, text: str) -> None:
        """Nothing."""


def test_some(tmp_path: Path, measure: Measure) -> None:
    write(tmp_path / "docs", 16, 5)
    report = ingest([tmp_path / "docs"], tmp_path / "kb", measure)
    assert not report.errors
    assert report.files == 16
    assert report.passages > 100


@pytest.mark.slow
def test_a_thousand(tmp_path: Path, encoder_model: Path) -> None:
    from jsarag.models import load_encoder

    write(tmp_path / "docs", 1000, 20)
    encoder = load_encoder("all-MiniLM-L6-v2")
    watch = Watch()
    began = time.monotonic()
    report = ingest([tmp_path / "docs"], tmp_path / "kb", Measure.of(encoder), IngestConfig(), watch)
    seconds = time.monotonic() - began
    grown = (max(watch.memory) - watch.memory[0]) / 1e6
    print(f"{seconds:.0f} s, {report.passages:,} passages, MB at each tenth: {[m // 10**6 for m in watch.memory]}")
    assert not report.errors
    assert seconds < 120
    assert grown < 50
