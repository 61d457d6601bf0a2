"""Makes the folder of the tutorial: the sample's handbook as a file of each kind, and its questions as a log.

    python examples/tutorial/make.py

Needs the packages of `jsarag[documents]`, and chromium, which prints the PDF.
"""

from __future__ import annotations

import csv
import html
import io
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook
from pptx import Presentation

from jsarag.cli.quickstart import SAMPLE
from jsarag.data import load_examples, load_passages
from jsarag.types import Passage

HERE = Path(__file__).parent
DOCUMENTS = HERE / "documents"

OLD = (2026, 1, 1, 0, 0, 0)
"""The time of every file in an archive: made again, the archive is the same."""

FILES = {
    "handbook/hands.docx": ("Working here", "hands", 1, 9),
    "handbook/safety.pdf": ("Safety on the islands", "safety", 1, 9),
    "site/stations.html": ("Stations", "stations", 1, 9),
    "site/commons.md": ("The Commons", "commons", 5, 12),
    "slides/vessels.pptx": ("Vessels", "vessels", 1, 7),
    "works.rst": ("Works", "works", 1, 8),
    "notices.txt": ("Notices", "hands", 20, 25),
    "register.xlsx": ("", "stations", 20, 26),
    "old.zip": ("Old rules", "works", 20, 26),
}
"""Title, topic, first and last section of each file."""
SHARES = [
    ("share", "price", "vote", "form"),
    ("Plank", "45 tallies", "one", "C1, brown"),
    ("Keel", "310 tallies", "two", "green vellum"),
    ("Sprat", "9 tallies 6 pegs", "none", "C3, violet ink"),
]
"""A price list, of facts in sections that no other file holds."""
LISTED = ("commons/01", "commons/02", "commons/03")


def docx(title: str, sections: Sequence[Passage]) -> bytes:
    """A Word document of headings and paragraphs."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"

    def paragraph(text: str, style: str = "") -> str:
        styled = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{styled}<w:r><w:t>{html.escape(text, quote=False)}</w:t></w:r></w:p>"

    body = paragraph(title, "Heading1") + "".join(paragraph(h.title, "Heading2") + paragraph(h.text) for h in sections)
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{i}"><w:name w:val="heading {i}"/></w:style>' for i in (1, 2)
    )
    relation = (
        '<Relationships xmlns="{0}/relationships"><Relationship Id="rId1" Target="{1}" Type="{2}/{3}"/></Relationships>'
    )
    return archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{main}.document.main+xml"/>'
            f'<Override PartName="/word/styles.xml" ContentType="{main}.styles+xml"/></Types>',
            "_rels/.rels": relation.format(package, "word/document.xml", office, "officeDocument"),
            "word/_rels/document.xml.rels": relation.format(package, "styles.xml", office, "styles"),
            "word/styles.xml": f'<w:styles xmlns:w="{word}">{styles}</w:styles>',
            "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
        }
    )


def page(title: str, sections: Sequence[Passage]) -> str:
    """A page as a web site has it: navigation, text, footer."""
    links = "".join(f'<li><a href="#{i}">{html.escape(h.title)}</a></li>' for i, h in enumerate(sections))
    texts = "".join(
        f'<h2 id="{i}">{html.escape(h.title)}</h2><p>{html.escape(h.text)}</p>' for i, h in enumerate(sections)
    )
    return (
        f"<!doctype html><html><head><meta charset='utf-8'><title>{title}</title></head><body><nav><ul>{links}</ul>"
        f"</nav><main><article><h1>{title}</h1>{texts}</article></main><footer>Skerrow Tidewater</footer></body></html>"
    )


def pdf(title: str, sections: Sequence[Passage]) -> bytes:
    """The same without navigation, printed by chromium."""
    texts = "".join(f"<h2>{html.escape(h.title)}</h2><p>{html.escape(h.text)}</p>" for h in sections)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "a.html", Path(folder) / "a.pdf"
        source.write_text(f"<meta charset=utf-8><title>{title}</title><h1>{title}</h1>{texts}", encoding="utf-8")
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        subprocess.run(["chromium", *quiet, f"--print-to-pdf={out}", source.as_uri()], check=True, capture_output=True)
        return out.read_bytes()


def pptx(title: str, sections: Sequence[Passage]) -> bytes:
    """A slide a section."""
    deck = Presentation()
    for section in sections:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = section.title
        slide.placeholders[1].text_frame.text = section.text
    deck.core_properties.title = title
    held = io.BytesIO()
    deck.save(held)
    return held.getvalue()


def xlsx(sections: Sequence[Passage]) -> bytes:
    """A row a section."""
    book = Workbook()
    sheet = book.worksheets[0]
    for row in (("Title", "Text"), *((h.title, h.text) for h in sections)):
        sheet.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def archive(files: dict[str, str]) -> bytes:
    """A zip file."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(zipfile.ZipInfo(name, OLD), text, zipfile.ZIP_DEFLATED)
    return held.getvalue()


def marked(title: str, sections: Sequence[Passage], kind: str) -> str:
    """Markdown, reStructuredText or plain text."""
    if kind == ".md":
        return f"# {title}\n\n" + "\n\n".join(f"## {h.title}\n\n{h.text}" for h in sections) + "\n"
    if kind == ".rst":
        parts = (f"{h.title}\n{'-' * len(h.title)}\n\n{h.text}" for h in sections)
        return f"{title}\n{'=' * len(title)}\n\n" + "\n\n".join(parts) + "\n"
    return f"{title}\n\n" + "\n\n".join(f"{h.title}: {h.text}" for h in sections) + "\n"


def written(name: str, title: str, sections: Sequence[Passage]) -> bytes:
    """A file, by the ending of its name."""
    kind = Path(name).suffix
    made = {".docx": docx, ".pdf": pdf, ".pptx": pptx}
    if kind in made:
        return made[kind](title, sections)
    if kind == ".xlsx":
        return xlsx(sections)
    if kind == ".zip":
        return archive({f"{h.id.replace('/', '-')}.md": f"# {h.title}\n\n{h.text}\n" for h in sections})
    return (page(title, sections) if kind == ".html" else marked(title, sections, kind)).encode()


def main() -> None:
    """Write the documents and the log."""
    passages = {h.id: h for h in load_passages(SAMPLE / "passages.jsonl")}
    held = set(LISTED)
    for name, (title, topic, first, last) in FILES.items():
        sections = [passages[f"{topic}/{i:02}"] for i in range(first, last + 1)]
        held |= {h.id for h in sections}
        (DOCUMENTS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCUMENTS / name).write_bytes(written(name, title, sections))
    with (DOCUMENTS / "shares.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(SHARES)
    shares = {cell for row in SHARES for cell in row}
    pairs = [pair for side in ("train", "dev", "test") for pair in load_examples(SAMPLE / f"{side}.jsonl")]
    with (HERE / "log.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("question", "answer"))
        for pair in pairs:
            known = pair.gold[0] not in LISTED or bool(shares & set(pair.outputs))
            if pair.gold[0] in held and known:
                table.writerow((pair.input, pair.outputs[0]))


if __name__ == "__main__":
    main()
